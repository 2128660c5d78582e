"""The decision boundary, carried back to the input and seen in the space of each layer."""

import torch
from matplotlib.lines import Line2D

from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.networks import TWO_NEURONS, Networks, twins
from bregman_exp.analysis.figures.panels import FRAMED, cell_centres, layer_panels, shade
from bregman_exp.analysis.figures.style import scatter
from bregman_exp.models.trace import logits_from

CELLS = 150  # a side of the grid


@Kind("Decision boundary in each layer's space", twins, *TWO_NEURONS)
def boundary(networks: Networks) -> list[Drawing]:
    """The probability of class 1 that the rest of the network gives from z⁽ˡ⁾ on."""
    undecided = Line2D([], [], color="black", lw=0.9, label="undecided")
    figure, panels = layer_panels(networks, len(networks.widths), undecided)
    for panel in panels:
        cells = torch.from_numpy(cell_centres(panel.limits, CELLS))
        shade(panel.axes, logits_from(panel.net, panel.place, cells), panel.limits)
        scatter(panel.axes, panel.z, networks.labels, size=2.5, zorder=3)
    caption = (
        "In the primal space of each layer named: the probability of class 1 that the rest of the network "
        f"gives, white and a line where it is ½, and the {networks.points}. Under “input” it is the "
        f"network's own boundary. {FRAMED}"
    )
    return [Drawing(figure, caption)]
