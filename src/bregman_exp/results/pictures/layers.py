"""The representation layer by layer: where each layer has moved the points."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from bregman_exp.results.pictures.panels import Traced, panels_of, show_frame, show_points
from bregman_exp.results.pictures.style import print_style


@print_style()
def representation_layers(networks: Sequence[Traced], labels: np.ndarray) -> Figure:
    """The samples in the primal space z⁽ˡ⁾ of each layer shown, l = 0 the input's.

    Shapes: labels (N,) of 0 and 1, for the points of all networks.
    """
    figure, blocks = panels_of(networks)
    for network, panels in zip(networks, blocks, strict=True):
        for panel, place, z, limits in zip(
            panels, network.places, network.points, network.limits, strict=True
        ):
            show_frame(panel, limits, layer_name(place))
            show_points(panel, z, labels)
    return figure


def layer_name(place: int) -> str:
    """ "input" or "layer 5"."""
    return f"layer {place}" if place else "input"
