"""The decision boundary, carried back to the input and seen in the space of each layer."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bregman_exp.results.pictures.layers import layer_name
from bregman_exp.results.pictures.panels import Traced, panels_of, show_frame, show_points
from bregman_exp.results.pictures.regions import shade
from bregman_exp.results.pictures.style import print_style


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
