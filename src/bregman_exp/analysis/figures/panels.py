"""Panels for the spaces of layers of two neurons: a block for each network, a panel for each layer."""

import math
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from bregman_exp.analysis.figures.album import evenly
from bregman_exp.analysis.figures.networks import Networks
from bregman_exp.analysis.figures.style import TEXT_WIDTH, class_marks, grid_of, grid_shape, page

Limits = tuple[tuple[float, float], tuple[float, float]]  # of z₁ and of z₂
FRAMED = "The frame is the range of ρ where that is bounded, else a square about the points."
PADDING = 0.08  # of the points' extent, on either side
SMALLEST = 1e-3  # side of a frame, in units of 1 + |z|: about points that all but coincide
IN_A_ROW, FEWEST = 5, 4  # panels: at most; fewer do not become larger
HEADING, AXIS, LEGEND = 0.27, 0.22, 0.3  # inches: over each row of panels and each network; below all
MARGIN = 0.03  # of the frame, so that markers at its edge are whole
REGIONS = LinearSegmentedColormap.from_list("regions", ["#9EC9E8", "#FFFFFF", "#F5C4A1"])


class Panel(NamedTuple):
    """The space of z⁽ˡ⁾ of network ``net``, l = ``place``: z (N, 2) of the test points, and the frame."""

    axes: Axes
    net: int
    place: int
    z: np.ndarray
    limits: Limits


def layer_panels(networks: Networks, last: int, *more: Artist) -> tuple[Figure, list[Panel]]:
    """A page with a block for each network shown, its framed panels for some of the layers 0 … last, and a
    legend of the classes and of ``more``."""
    networks.check_plane(layers=True)
    count, panels = len(networks.shown), list[Panel]()
    places = chosen_layers(last, 8 if count <= 2 else 5)
    rows, columns = grid_shape(len(places), IN_A_ROW)
    height = HEADING + rows * (HEADING + TEXT_WIDTH / max(columns, FEWEST))
    figure = page(count * height + AXIS + LEGEND)
    heights = [*[height] * (count - 1), height + AXIS, LEGEND]
    blocks: Any = figure.subfigures(count + 1, 1, height_ratios=heights)
    for block, (i, title) in zip(blocks, networks.shown.items(), strict=False):
        block.suptitle(title, fontweight="bold")
        block.supylabel("z₂", fontsize=8)
        z = [networks.layers[i][place] for place in places]
        limits = [limits_of(networks.primal_range(i), points) for points in z]
        shared = len(set(limits)) == 1
        grid = grid_of(block, rows, columns, len(places), sharex=shared, sharey=shared)
        panels += map(Panel, grid, [i] * len(grid), places, z, limits)
    for panel in panels:
        show_frame(panel.axes, panel.limits, f"layer {panel.place}" if panel.place else "input")
    blocks[-2].supxlabel("z₁ (primal space, without unit)", fontsize=8)
    blocks[-1].legend(handles=[*class_marks(), *more], loc="center", ncols=4)
    return figure, panels


def unit_square(axes: Axes, title: str = "") -> None:
    """The frame of data in [0, 1]²; only panels at the edge of a grid are labelled."""
    ticks = {"xticks": (0, 0.5, 1), "yticks": (0, 0.5, 1), "xticklabels": "0½1", "yticklabels": "0½1"}
    axes.set(title=title, xlim=(0, 1), ylim=(0, 1), aspect="equal", **ticks)
    axes.set(xlabel="x₁ (data in [0, 1])", ylabel="x₂")
    axes.label_outer()


def show_frame(axes: Axes, limits: Limits, title: str) -> None:
    x, y = ((lo - MARGIN * (hi - lo), hi + MARGIN * (hi - lo)) for lo, hi in limits)
    axes.set(title=title, xlim=x, ylim=y, aspect="equal")
    axes.locator_params(nbins=3)
    axes.tick_params(length=2)


def shade(axes: Axes, probability: np.ndarray, limits: Limits) -> None:
    """The probability of class 1, white and a line where it is ½; (n·n,) at the ``cell_centres``."""
    n = math.isqrt(len(probability))
    probability = probability.reshape(n, n)
    look: Any = {"cmap": REGIONS, "vmin": 0, "vmax": 1, "interpolation": "bilinear"}
    axes.imshow(probability, origin="lower", extent=(*limits[0], *limits[1]), **look)
    if probability.min() < 0.5 < probability.max():
        x, y = cell_centres(limits, n).reshape(n, n, 2).transpose(2, 0, 1)
        axes.contour(x, y, probability, levels=[0.5], colors="black", linewidths=0.9)
    else:
        axes.text(0.5, 0.03, "one class everywhere", transform=axes.transAxes, ha="center", va="bottom")


def limits_of(primal: tuple[float, float], z: np.ndarray) -> Limits:
    """The square that shows a layer with points z (N, 2): the whole range of ρ where it is bounded, else a
    square about the points, inside the range."""
    lo, hi = primal
    if math.isfinite(lo) and math.isfinite(hi):
        return (lo, hi), (lo, hi)
    least, most = z.min(axis=0), z.max(axis=0)
    middle = (least + most) / 2
    side = max((most - least).max() * (1 + 2 * PADDING), SMALLEST * (1 + np.abs(middle).max()))
    x, y = map(float, np.clip(middle - side / 2, lo, max(lo, hi - side)))
    return (x, x + side), (y, y + side)


def cell_centres(limits: Limits, n: int) -> np.ndarray:
    """The centres of n × n cells, (n·n, 2), z₁ running fastest; all of them inside the limits."""
    x, y = (lo + (hi - lo) * (np.arange(n) + 0.5) / n for lo, hi in limits)
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def chosen_layers(last: int, most: int = 8) -> list[int]:
    """At most ``most`` of the numbers 0 … last: all of them, or of 0, 1, 2, 5, 10, 20, 50 … and the last."""
    steps = {digit * 10**power for power in range(len(str(last))) for digit in (1, 2, 5)} | {0, last}
    ranked = sorted(range(last + 1), key=lambda layer: layer not in steps)
    round_numbers = sum(layer in steps for layer in ranked)
    return evenly(sorted(ranked[: max(most, round_numbers)]), most)
