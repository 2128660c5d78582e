"""Networks in the plane: decision regions of the data, and what each layer of two neurons does to them."""

import numpy as np

from bregman_exp.analysis.figures import style
from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.animation import animation
from bregman_exp.analysis.figures.line import regions_of_line
from bregman_exp.analysis.figures.networks import POINTS, Networks, twins
from bregman_exp.analysis.figures.panels import (
    FRAMED,
    Limits,
    Panel,
    cell_centres,
    layer_panels,
    shade,
    unit_square,
)
from bregman_exp.analysis.figures.style import scatter

CELLS, LAYER_CELLS, ARROWS = 300, 150, 13  # a side of the grid: of the data, of a layer, of arrows
LONGEST = 1.4  # cells: the longest arrow of a panel
BEHIND_ARROWS = 200  # points at most; more would hide the arrows
IN_A_ROW = 4  # panels
UNIT_SQUARE: Limits = ((0.0, 1.0), (0.0, 1.0))


@Kind("Decision regions", twins)
def regions(networks: Networks) -> list[Drawing]:
    """The data alone, then over the regions of each network in the input space; of numbers, the answers."""
    if networks.on_line:
        return [regions_of_line(networks)]
    networks.check_plane()
    titles = ["test points", *(title.replace(", seed", "\nseed") for title in networks.shown.values())]
    rows, columns = style.grid_shape(len(titles), IN_A_ROW)
    figure = style.page(0.4 + rows * (0.45 + style.TEXT_WIDTH / columns))
    panels = style.grid_of(figure, rows, columns, len(titles), sharex=True, sharey=True)
    cells, points = cell_centres(UNIT_SQUARE, CELLS), networks.data.test.x[:POINTS].numpy()
    for panel, i in zip(panels[1:], networks.shown, strict=True):
        shade(panel, networks.probability(i, cells), UNIT_SQUARE)
    for panel, title in zip(panels, titles, strict=True):
        scatter(panel, points, networks.labels)
        unit_square(panel, title)
    style.legend_below(figure, *style.class_marks(), style.boundary_mark())
    caption = (
        f"{networks.points}, alone and over the probability of class 1 that each network gives, white at ½, "
        "where the line runs."
    )
    return [Drawing(figure, caption)]


@Kind("Representation by layer", twins)
def layers(networks: Networks) -> list[Drawing]:
    """The samples in the primal space z⁽ˡ⁾ of each layer, l = 0 the input's."""
    figure, panels = layer_panels(networks, len(networks.widths))
    for panel in panels:
        scatter(panel.axes, panel.z, networks.labels, zorder=3)
    caption = f"{networks.points} in the primal space z = ρ(u) after the layers named. {FRAMED}"
    return [Drawing(figure, caption, gif=animation(networks))]


@Kind("Vector field of each layer", twins)
def fields(networks: Networks) -> list[Drawing]:
    """z ↦ z′ − z of layer l + 1 on a grid of z⁽ˡ⁾, z′ = z⁽ˡ⁺¹⁾, arrows at most ``LONGEST``."""
    figure, panels = layer_panels(networks, len(networks.widths) - 1)
    for panel in panels:
        factor = _draw_field(panel, networks)
        panel.axes.set_title(f"layer {panel.place + 1} (× {factor:.2g})")
        scatter(panel.axes, panel.z[:BEHIND_ARROWS], networks.labels[:BEHIND_ARROWS], 3, alpha=0.6, zorder=3)
    caption = (
        "Arrows from z to z′ of the layer named, on a grid of its input space, scaled by the factor named; "
        f"behind them some of the {networks.points} as they come to the layer. {FRAMED}"
    )
    return [Drawing(figure, caption)]


def _draw_field(panel: Panel, networks: Networks) -> float:
    """Returns the factor that the arrows are scaled by."""
    z = cell_centres(panel.limits, ARROWS)
    moves = networks.moves(panel.net, panel.place, z)
    cell = (panel.limits[0][1] - panel.limits[0][0]) / ARROWS
    longest = float(np.linalg.norm(moves, axis=1).max())
    factor = LONGEST * cell / longest if longest else 1.0
    look = {"width": 0.006, "headwidth": 4, "headlength": 4.5, "headaxislength": 4, "minlength": 0.5}
    style.draw_arrows(panel.axes, z, factor * moves, color="black", zorder=4, **look)
    return factor


@Kind("Decision boundary in each layer's space", twins)
def boundary(networks: Networks) -> list[Drawing]:
    """The probability of class 1 that the rest of the network gives from z⁽ˡ⁾ on."""
    figure, panels = layer_panels(networks, len(networks.widths), style.boundary_mark())
    for panel in panels:
        cells = cell_centres(panel.limits, LAYER_CELLS)
        shade(panel.axes, networks.probability(panel.net, cells, panel.place), panel.limits)
        scatter(panel.axes, panel.z, networks.labels, size=2.5, zorder=3)
    caption = (
        "In the primal space of each layer named: the probability of class 1 that the rest of the network "
        f"gives, white and a line where it is ½, and the {networks.points}. Under “input” it is the "
        f"network's own boundary. {FRAMED}"
    )
    return [Drawing(figure, caption)]
