"""Data in the plane, and over each network's decision regions."""

import torch
from matplotlib.lines import Line2D

from bregman_exp.analysis.figures import style
from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.networks import PLANE, POINTS, Networks, twins
from bregman_exp.analysis.figures.panels import Limits, cell_centres, shade

CELLS = 300  # a side of the grid
IN_A_ROW = 4  # panels
UNIT_SQUARE: Limits = ((0.0, 1.0), (0.0, 1.0))


@Kind("Decision regions", twins, *PLANE)
def regions(networks: Networks) -> list[Drawing]:
    """The data alone, then over the regions of each network in the input space."""
    titles = ["test points", *(title.replace(": ", "\n") for title in networks.shown.values())]
    rows, columns = style.grid_shape(len(titles), IN_A_ROW)
    figure = style.page(0.4 + rows * (0.45 + style.TEXT_WIDTH / columns))
    panels = style.grid_of(figure, rows, columns, len(titles), sharex=True, sharey=True)
    cells = torch.from_numpy(cell_centres(UNIT_SQUARE, CELLS))
    for panel, i in zip(panels[1:], networks.shown, strict=True):
        shade(panel, networks.nets[i](cells).detach(), UNIT_SQUARE)
    points, ticks, names = networks.data.test.x[:POINTS].numpy(), (0, 0.5, 1), ("0", "½", "1")
    for panel, title in zip(panels, titles, strict=True):
        style.scatter(panel, points, networks.labels)
        panel.set(title=title, xlim=(0, 1), ylim=(0, 1), aspect="equal")
        panel.set(xticks=ticks, yticks=ticks, xticklabels=names, yticklabels=names)
    for panel in panels[-columns:]:
        panel.set_xlabel("$x_1$ (data in [0, 1])", parse_math=True)
    for panel in panels[::columns]:
        panel.set_ylabel("$x_2$", parse_math=True)
    line = Line2D([], [], color="black", lw=0.9, label="decision boundary")
    style.legend_below(figure, *style.class_marks(), line)
    caption = (
        f"{networks.points}, alone and over the probability of class 1 that each network gives, white at ½, "
        "where the line runs."
    )
    return [Drawing(figure, caption)]
