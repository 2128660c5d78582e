"""Data in the plane, and over each network's decision regions."""

from math import ceil

import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.networks import PLANE, POINTS, Networks, twins
from bregman_exp.analysis.figures.panels import Limits, cell_centres, grid_of, shade
from bregman_exp.analysis.figures.style import TEXT_WIDTH, class_marks, scatter

CELLS = 300  # a side of the grid
IN_ONE_ROW = 4  # panels
UNIT_SQUARE: Limits = ((0.0, 1.0), (0.0, 1.0))


@Kind("Decision regions", twins, *PLANE)
def regions(networks: Networks) -> list[Drawing]:
    """The data alone, then over the regions of each network in the input space."""
    count = 1 + len(networks.shown)
    rows = ceil(count / IN_ONE_ROW)
    columns = ceil(count / rows)
    figure = Figure(figsize=(TEXT_WIDTH, 0.4 + rows * (0.45 + TEXT_WIDTH / columns)), layout="constrained")
    panels = grid_of(figure, rows, columns, count, sharex=True, sharey=True)
    cells = torch.from_numpy(cell_centres(UNIT_SQUARE, CELLS))
    for panel, i in zip(panels[1:], networks.shown, strict=True):
        shade(panel, networks.nets[i](cells).detach(), UNIT_SQUARE)
    titles = ["test points", *(title.replace(": ", "\n") for title in networks.shown.values())]
    points, ticks, names = networks.data.test.x[:POINTS].numpy(), (0, 0.5, 1), ("0", "½", "1")
    for place, (panel, title) in enumerate(zip(panels, titles, strict=True)):
        scatter(panel, points, networks.labels)
        panel.set(title=title, xlim=(0, 1), ylim=(0, 1), aspect="equal")
        panel.set(xticks=ticks, yticks=ticks, xticklabels=names, yticklabels=names)
        panel.set_xlabel("$x_1$ (data in [0, 1])" if place + columns >= count else "", parse_math=True)
        panel.set_ylabel("$x_2$" if place % columns == 0 else "", parse_math=True)
    line = Line2D([], [], color="black", lw=0.9, label="decision boundary")
    figure.legend(handles=[*class_marks(), line], loc="outside lower center", ncols=3)
    caption = (
        f"{networks.points}, alone and over the probability of class 1 that each network gives, white at ½, "
        "where the line runs."
    )
    return [Drawing(figure, caption)]
