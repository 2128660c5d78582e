"""Networks on the line: what they answer between 0 and 1."""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bregman_exp.analysis.figures import style
from bregman_exp.analysis.figures.album import Drawing
from bregman_exp.analysis.figures.networks import POINTS, Networks

CELLS, IN_A_ROW = 1001, 3  # points of a curve; panels
LOOKS = ((style.BLUE, "-"), (style.VERMILION, "--"), (style.GREEN, "-."))  # colour and dashes of a class
BELOW = -0.25  # where the test points are, under the curves


def regions_of_line(networks: Networks) -> Drawing:
    """Each network's answer over x: the probability of each class, or the output f of a regression."""
    if networks.data.num_classes > len(LOOKS):
        raise ValueError(f"the data have more than {len(LOOKS)} classes on the line")
    rows, columns = style.grid_shape(len(networks.shown), IN_A_ROW)
    width = style.TEXT_WIDTH if columns > 1 else style.PANEL_WIDTH
    figure = style.page(0.4 + 2.5 * rows, width)
    panels = style.grid_of(figure, rows, columns, len(networks.shown), sharex=True, sharey=True)
    for panel, (i, title) in zip(panels, networks.shown.items(), strict=True):
        _draw_points(panel, networks)
        _draw_regression(panel, networks, i) if networks.is_regression else _draw_classes(panel, networks, i)
        quantity = "f(x)" if networks.is_regression else "probability"
        panel.set(title=title.replace(", seed", "\nseed"), xlabel="x (data in [0, 1])", ylabel=quantity)
        panel.label_outer()
    style.legend_below(figure, *_class_marks(networks))
    what = (
        "the output f(x) of each network, and the value of the class that it answers, the nearest one"
        if networks.is_regression
        else "the probability of each class that each network gives"
    )
    return Drawing(figure, f"Over x: {what}. Below: the {networks.points}, in the colour of their class.")


def _draw_points(panel: Axes, networks: Networks) -> None:
    x = networks.data.test.x[:POINTS, 0].numpy()
    for label in range(networks.data.num_classes):
        own = x[networks.labels == label]
        panel.plot(own, np.full(len(own), BELOW), "|", color=LOOKS[label][0], markersize=6, rasterized=True)


def _draw_classes(panel: Axes, networks: Networks, i: int) -> None:
    x = np.linspace(0, 1, CELLS)
    for probability, (colour, dashes) in zip(networks.probabilities(i, x[:, None]).T, LOOKS, strict=False):
        panel.plot(x, probability, color=colour, linestyle=dashes)


def _draw_regression(panel: Axes, networks: Networks, i: int) -> None:
    x, last = np.linspace(0, 1, CELLS), networks.data.num_classes - 1
    f = networks.regression(i, x[:, None])
    nearest = np.clip(np.round(f * last), 0, last) / last
    panel.plot(x, nearest, color=style.GREY, label="value of the answer")
    panel.plot(x, f, color=style.BLACK, label="f(x)")


def _class_marks(networks: Networks) -> list[Artist]:
    """Of the curves, or in a regression of the points alone."""
    points: style.Stroke = {"marker": "|", "linestyle": ""} if networks.is_regression else {}
    looks = zip(range(networks.data.num_classes), LOOKS, strict=False)
    marks: list[Artist] = []
    for label, (colour, dashes) in looks:
        look: style.Stroke = {"linestyle": dashes} | points
        marks.append(Line2D([], [], color=colour, label=f"class {label}", **look))
    return marks
