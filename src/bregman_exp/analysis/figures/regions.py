"""Data in the plane, and over each classifier's decision regions."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.plane import Limits, cell_centres
from bregman_exp.analysis.figures.style import CLASSES, TEXT_WIDTH, class_marks, print_style
from bregman_exp.analysis.figures.subjects import POINTS, Subject, class_1

REGION_CELLS = 300  # a side of the grid
REGIONS = LinearSegmentedColormap.from_list("regions", ["#9EC9E8", "#FFFFFF", "#F5C4A1"])
IN_ONE_ROW = 4  # panels
UNIT_SQUARE: Limits = ((0.0, 1.0), (0.0, 1.0))


@dataclass(frozen=True)
class Regions:
    """A classifier of the plane: its probability of class 1 on a grid over [0, 1]², (n, n), rows by y."""

    title: str
    probability: np.ndarray


@print_style()
def decision_regions(points: np.ndarray, labels: np.ndarray, classifiers: Sequence[Regions]) -> Figure:
    """The data alone, then over each classifier's regions.

    Shapes: points (N, 2) in [0, 1]; labels (N,) of 0 and 1.
    """
    count = 1 + len(classifiers)
    rows = ceil(count / IN_ONE_ROW)
    columns = ceil(count / rows)
    figure = Figure(figsize=(TEXT_WIDTH, 0.4 + rows * (0.45 + TEXT_WIDTH / columns)), layout="constrained")
    panels = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    _show(panels[0], points, labels, "test points")
    for panel, classifier in zip(panels[1:count], classifiers, strict=True):
        shade(panel, classifier.probability, UNIT_SQUARE)
        _show(panel, points, labels, classifier.title)
    for spare in panels[count:]:
        spare.set_axis_off()
    for place, panel in enumerate(panels[:count]):
        panel.set_xlabel("$x_1$ (data in [0, 1])" if place + columns >= count else "", parse_math=True)
        panel.set_ylabel("$x_2$" if place % columns == 0 else "", parse_math=True)
    boundary = Line2D([], [], color="black", lw=0.9, label="decision boundary")
    figure.legend(handles=[*class_marks(), boundary], loc="outside lower center", ncols=3)
    return figure


def shade(panel: Axes, probability: np.ndarray, limits: Limits) -> None:
    """The probability of class 1 on the cells of the limits, (n, n), rows by the second coordinate: white at
    ½, where a line runs; where none does, a word says so."""
    panel.imshow(
        probability,
        origin="lower",
        extent=(*limits[0], *limits[1]),
        cmap=REGIONS,
        vmin=0,
        vmax=1,
        interpolation="bilinear",
    )
    if probability.min() < 0.5 < probability.max():
        n = len(probability)
        x, y = (lo + (hi - lo) * (np.arange(n) + 0.5) / n for lo, hi in limits)
        panel.contour(x, y, probability, levels=[0.5], colors="black", linewidths=0.9)
    else:
        panel.text(0.5, 0.03, "one class everywhere", transform=panel.transAxes, ha="center", va="bottom")


def _show(panel: Axes, points: np.ndarray, labels: np.ndarray, title: str) -> None:
    for label, (colour, marker) in enumerate(CLASSES):
        x, y = points[labels == label].T
        panel.scatter(x, y, s=4, c=colour, marker=marker, linewidths=0)
    panel.set(title=title, xlim=(0, 1), ylim=(0, 1), aspect="equal")
    panel.set_xticks((0, 0.5, 1), ("0", "½", "1"))
    panel.set_yticks((0, 0.5, 1), ("0", "½", "1"))


def regions(subject: Subject, album: Album) -> None:
    """Every seed shown over its decision regions in the input space."""
    centres = torch.from_numpy(cell_centres(UNIT_SQUARE, REGION_CELLS))
    shown = [
        Regions(
            row.seed(place).replace(": ", "\n"),
            class_1(row.nets[place](centres).detach()),
        )
        for row, place in subject.shown()
    ]
    points = subject.data.test.x[:POINTS].numpy()
    album.add(
        decision_regions(points, subject.labels, shown),
        "regions",
        f"Decision regions: {subject.name}",
        f"{subject.points}, alone and over the probability of class 1 that each network gives, white at ½, "
        "where the line runs.",
    )
