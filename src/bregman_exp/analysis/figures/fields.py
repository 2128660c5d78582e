"""The vector field of a layer: where it would move any point of its input space."""

import numpy as np
import torch

from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.networks import TWO_NEURONS, Networks, twins
from bregman_exp.analysis.figures.panels import FRAMED, Panel, cell_centres, layer_panels
from bregman_exp.analysis.figures.style import draw_arrows, scatter
from bregman_exp.models.trace import layer_map

CELLS = 13  # a side of the grid
LONGEST = 1.4  # cells: the longest arrow of a panel
SHOWN = 200  # points at most; more would hide the arrows


@Kind("Vector field of each layer", twins, *TWO_NEURONS)
def fields(networks: Networks) -> list[Drawing]:
    """z ↦ z′ − z of layer l + 1 on a grid of z⁽ˡ⁾, z′ = z⁽ˡ⁺¹⁾, arrows at most ``LONGEST``."""
    figure, panels = layer_panels(networks, len(networks.widths) - 1)
    for panel in panels:
        factor = _draw_field(panel)
        panel.axes.set_title(f"layer {panel.place + 1} (× {factor:.2g})")
        scatter(panel.axes, panel.z[:SHOWN], networks.labels[:SHOWN], size=3, alpha=0.6, zorder=3)
    caption = (
        "Arrows from z to z′ of the layer named, on a grid of its input space, scaled by the factor named; "
        f"behind them some of the {networks.points} as they come to the layer. {FRAMED}"
    )
    return [Drawing(figure, caption)]


def _draw_field(panel: Panel) -> float:
    """Returns the factor that the arrows are scaled by."""
    z = torch.from_numpy(cell_centres(panel.limits, CELLS))
    moves = (layer_map(panel.net, panel.place, z) - z).numpy()
    cell = (panel.limits[0][1] - panel.limits[0][0]) / CELLS
    longest = float(np.linalg.norm(moves, axis=1).max())
    factor = LONGEST * cell / longest if longest else 1.0
    look = {"width": 0.006, "headwidth": 4, "headlength": 4.5, "headaxislength": 4, "minlength": 0.5}
    draw_arrows(panel.axes, z.numpy(), factor * moves, color="black", zorder=4, **look)
    return factor
