"""Networks under one another, each with a row (or two) of panels, one a layer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bregman_exp.analysis.figures.plane import Limits
from bregman_exp.analysis.figures.style import CLASSES, TEXT_WIDTH, class_marks

IN_ONE_ROW = 5  # panels; more are two rows
FEWEST = 4  # columns that a row is laid out for, so that few panels do not become huge
HEADING, AXIS, LEGEND = 0.27, 0.22, 0.3  # inches: over each row of panels and each network; below all
MARGIN = 0.03  # of the frame, so that markers at its edge are whole


@dataclass(frozen=True)
class Traced:
    """A network whose layers have two neurons, at the layers shown.

    ``places``: their numbers; ``points``: z of the samples there, (N, 2) each; ``limits``: what is shown of
    each plane; ``grids``: what a picture shows on the n × n cells of each plane.
    """

    title: str
    places: Sequence[int]
    points: Sequence[np.ndarray]
    limits: Sequence[Limits]
    grids: Sequence[np.ndarray] = field(default_factory=tuple)


def panels_of(networks: Sequence[Traced], *more: Line2D) -> tuple[Figure, list[list[Axes]]]:
    """An empty figure with a block for each network, and the panels of each in the order of its layers.

    Below them stands a legend of the classes and of what ``more`` there is.
    """
    count = max(len(network.places) for network in networks)
    rows = 1 if count <= IN_ONE_ROW else 2
    columns = ceil(count / rows)
    block_height = HEADING + rows * (HEADING + TEXT_WIDTH / max(columns, FEWEST))
    height = len(networks) * block_height + AXIS + LEGEND
    figure = Figure(figsize=(TEXT_WIDTH, height), layout="constrained")
    heights = [*[block_height] * (len(networks) - 1), block_height + AXIS, LEGEND]
    parts: Any = figure.subfigures(len(networks) + 1, 1, height_ratios=heights)
    shared = len({limits for network in networks for limits in network.limits}) == 1
    found = []
    for block, network in zip(parts, networks, strict=False):
        block.suptitle(network.title, fontweight="bold")
        block.supylabel("$z_2$", fontsize=8, parse_math=True)
        panels = list(block.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared).flat)
        for spare in panels[len(network.places) :]:
            spare.set_axis_off()
        found.append(panels[: len(network.places)])
    parts[-2].supxlabel("$z_1$ (primal space, without unit)", fontsize=8, parse_math=True)
    parts[-1].legend(handles=[*class_marks(), *more], loc="center", ncols=4)
    return figure, found


def show_frame(panel: Axes, limits: Limits, title: str) -> None:
    """The panel's title and its part of the plane."""
    (left, right), (low, high) = limits
    x, y = MARGIN * (right - left), MARGIN * (high - low)
    panel.set(title=title, xlim=(left - x, right + x), ylim=(low - y, high + y), aspect="equal")
    panel.locator_params(nbins=3)
    panel.tick_params(length=2)


def show_points(panel: Axes, z: np.ndarray, labels: np.ndarray, size: float = 4, alpha: float = 1) -> None:
    """z (N, 2) with labels (N,) of 0 and 1."""
    for label, (colour, marker) in enumerate(CLASSES):
        x, y = z[labels == label].T
        panel.scatter(x, y, s=size, c=colour, marker=marker, linewidths=0, alpha=alpha, zorder=3)


def layer_name(place: int) -> str:
    """ "input" or "layer 5"."""
    return f"layer {place}" if place else "input"
