"""The decision boundary, carried back to the input and seen in the space of each layer."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import nn

from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.panels import Traced, layer_name, panels_of, show_frame, show_points
from bregman_exp.analysis.figures.plane import Limits, cell_centres, chosen_layers
from bregman_exp.analysis.figures.regions import shade
from bregman_exp.analysis.figures.style import print_style
from bregman_exp.analysis.figures.subjects import FRAMED, Subject, class_1, limits_of
from bregman_exp.models.trace import logits_from

SHADED_CELLS = 150  # a side of the grid


@print_style()
def boundary_layers(networks: Sequence[Traced], labels: np.ndarray) -> Figure:
    """In the space of z⁽ˡ⁾: the probability of class 1 that the rest of the network gives, and the set where
    it is ½, that is, where the rest is undecided. In the input's space this is the network's own boundary.

    Shapes: ``grids`` of each network hold probabilities, (n, n) with rows by z₂; labels (N,) of 0 and 1.
    """
    figure, blocks = panels_of(networks, Line2D([], [], color="black", lw=0.9, label="undecided"))
    for network, panels in zip(networks, blocks, strict=True):
        for i, (panel, place) in enumerate(zip(panels, network.places, strict=True)):
            shade(panel, network.grids[i], network.limits[i])
            show_points(panel, network.points[i], labels, size=2.5)
            show_frame(panel, network.limits[i], layer_name(place))
    return figure


def boundary(subject: Subject, album: Album) -> None:
    """Where the rest of the network is undecided, in the space of each layer."""
    places = chosen_layers(subject.rows[0].row.depth, subject.most_panels)
    album.add(
        boundary_layers(subject.traced(places, limits_of, _probability_of_rest), subject.labels),
        "boundary",
        f"Decision boundary in each layer's space: {subject.name}",
        "In the primal space of each layer named: the probability of class 1 that the rest of the network "
        f"gives, white and a line where it is ½, and the {subject.points}. Under “input” it is the "
        f"network's own boundary. {FRAMED}",
    )


def _probability_of_rest(net: nn.Module, place: int, limits: Limits) -> np.ndarray:
    return class_1(logits_from(net, place, torch.from_numpy(cell_centres(limits, SHADED_CELLS))))
