"""The vector field of a layer: where it would move any point of its input space."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.panels import Traced, panels_of, show_frame, show_points
from bregman_exp.analysis.figures.plane import Limits, cell_centres, chosen_layers
from bregman_exp.analysis.figures.style import print_style
from bregman_exp.analysis.figures.subjects import FRAMED, Subject, limits_of
from bregman_exp.models.trace import layer_map

FIELD_CELLS = 13  # a side of the grid
LONGEST = 1.4  # cells: the longest arrow of a panel
POINTS = 200  # at most, so that they do not hide the arrows


@print_style()
def layer_fields(networks: Sequence[Traced], labels: np.ndarray) -> Figure:
    """The field z ↦ z′ − z of layer l + 1 on a grid of z⁽ˡ⁾, z′ = z⁽ˡ⁺¹⁾, over some samples there.

    Every panel's arrows are scaled by the factor in its title, so that the longest is ``LONGEST``.

    Shapes: ``grids`` of each network hold z′ − z, (n·n, 2) in the order of ``cell_centres``; labels (N,).
    """
    figure, blocks = panels_of(networks)
    for network, panels in zip(networks, blocks, strict=True):
        for i, (panel, place) in enumerate(zip(panels, network.places, strict=True)):
            factor = _show_field(panel, network.grids[i], network.limits[i])
            show_frame(panel, network.limits[i], f"layer {place + 1} (× {factor:.2g})")
            show_points(panel, network.points[i][:POINTS], labels[:POINTS], size=3, alpha=0.6)
    return figure


def _show_field(panel: Axes, moves: np.ndarray, limits: Limits) -> float:
    """Draws the arrows; returns the factor they are scaled by."""
    n = round(len(moves) ** 0.5)
    cell = (limits[0][1] - limits[0][0]) / n
    longest = float(np.linalg.norm(moves, axis=1).max())
    factor = LONGEST * cell / longest if longest else 1.0
    panel.quiver(
        *cell_centres(limits, n).T,
        *(factor * moves).T,
        angles="xy",
        scale_units="xy",
        scale=1,
        color="black",
        width=0.006,
        headwidth=4,
        headlength=4.5,
        headaxislength=4,
        minlength=0.5,
        zorder=4,
    )
    return factor


def fields(subject: Subject, album: Album) -> None:
    """Where each layer would move any point."""
    places = chosen_layers(subject.rows[0].row.depth - 1, subject.most_panels)
    album.add(
        layer_fields(subject.traced(places, limits_of, _moves), subject.labels),
        "fields",
        f"Vector field of each layer: {subject.name}",
        "Arrows from z to z′ of the layer named, on a grid of its input space, scaled by the factor named; "
        f"behind them some of the {subject.points} as they come to the layer. {FRAMED}",
    )


def _moves(net: nn.Module, place: int, limits: Limits) -> np.ndarray:
    z = torch.from_numpy(cell_centres(limits, FIELD_CELLS))
    return (layer_map(net, place, z) - z).numpy()
