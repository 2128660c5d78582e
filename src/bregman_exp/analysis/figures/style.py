"""How all pictures look: for print, for colour-blind readers, for prints in grey."""

from math import ceil
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatterSciNotation, MaxNLocator

from bregman_exp.analysis.names import Frame
from bregman_exp.runs.record import Version

TEXT_WIDTH, PANEL_WIDTH = 6.75, 4.2  # inches, as printed: both columns of a page; a panel alone
DOTS = 200  # an inch, of the pixels
LETTERS, SYMBOL = 14, 9  # of a legend's line: letters in an inch; what a curve's sample takes, in letters
MARKED = 16  # layers; curves with more have no markers
RASTERIZED = 500  # points; an SVG holds more of them as pixels
BANDS = "Lines: mean over seeds; bands: from the smallest to the largest."  # what captions say of draw_bands

# The palette of Okabe and Ito
BLUE, VERMILION = "#0072B2", "#D55E00"
BLACK, GREEN, ORANGE, SKY, PURPLE = "#000000", "#009E73", "#E69F00", "#56B4E9", "#CC79A7"
GREY = "#808080"
CLASSES = ((BLUE, "o"), (VERMILION, "^"))  # colour and marker of class 0 and class 1

Stroke = dict[str, Any]  # curves differ in colour, dashes and marker
COLOURS = (BLACK, ORANGE, GREEN, SKY, PURPLE, BLUE, VERMILION)
DASHES = ("--", "-.", "-", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 3)))
STROKES: list[Stroke] = [
    {"color": colour, "linestyle": dashes, "marker": marker}
    for colour, dashes, marker in zip(COLOURS, DASHES, "os^DvPX", strict=True)
]
VERSIONS: dict[str, Stroke] = dict(zip(map(str, Version), STROKES, strict=False))

SETTINGS: dict[Any, Any] = {
    **dict.fromkeys(("font.size", "axes.titlesize", "axes.labelsize", "legend.fontsize"), 8),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize"), 8),
    **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.6),
    **{"figure.titlesize": 9, "lines.linewidth": 1.4, "lines.markersize": 4},
    **{"legend.frameon": False, "legend.handlelength": 2.8},
    "figure.dpi": DOTS,  # the layout is that of the PNG's pixels
    "text.parse_math": False,  # a user's name may have a $
    "pdf.fonttype": 42,  # letters that stay text
    "svg.hashsalt": "bregman-exp",  # the same picture is the same file
}


USUAL_LINES, LINE_HEIGHT = 2, 0.17  # of a legend: for how many a figure has room; inches


class PlainNumbers(LogFormatterSciNotation):
    """The ticks that matplotlib would label, as 0.4 and not as 4 × 10⁻¹."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def log_axis(panel: Axes) -> None:
    """Makes the y-axis logarithmic."""
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(PlainNumbers())
    panel.yaxis.set_minor_formatter(PlainNumbers(labelOnlyBase=False, minor_thresholds=(1, 0.4)))


def page(height: float, width: float = TEXT_WIDTH) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def side_by_side(count: int, height: float = 2.9, **shared: Any) -> tuple[Figure, list[Axes]]:
    """Panels in a row, as wide as the text; a panel alone is narrower."""
    figure = page(height, TEXT_WIDTH if count > 1 else PANEL_WIDTH)
    return figure, list(figure.subplots(1, count, squeeze=False, **shared)[0])


def grid_shape(count: int, in_a_row: int) -> tuple[int, int]:
    """Rows and columns for panels, at most ``in_a_row`` of them beside each other."""
    rows = ceil(count / in_a_row)
    return rows, ceil(count / rows)


def grid_of(figure: Any, rows: int, columns: int, count: int, **shared: bool) -> list[Axes]:
    """The first ``count`` panels of a grid, line by line; the others are empty."""
    panels = list(figure.subplots(rows, columns, squeeze=False, **shared).flat)
    for spare in panels[count:]:
        spare.set_axis_off()
    return panels[:count]


def class_marks(name: str = "class") -> list[Artist]:
    """A legend's entries for the classes."""
    return [Line2D([], [], color=c, marker=m, ls="", label=f"{name} {i}") for i, (c, m) in enumerate(CLASSES)]


def boundary_mark() -> Artist:
    return Line2D([], [], color="black", lw=0.9, label="decision boundary")


def scatter(panel: Axes, points: np.ndarray, labels: np.ndarray, size: float = 4, **look: Any) -> None:
    """points (N, 2) with labels (N,) of 0 and 1."""
    for label, (colour, marker) in enumerate(CLASSES):
        x, y = points[labels == label].T
        look |= {"c": colour, "marker": marker, "linewidths": 0, "label": f"class {label}"}
        panel.scatter(x, y, s=size, rasterized=len(points) > RASTERIZED, **look)


def draw_arrows(panel: Axes, tails: np.ndarray, moves: np.ndarray, **look: Any) -> None:
    """Arrows in the units of the data; tails, moves (N, 2)."""
    panel.quiver(*tails.T, *moves.T, angles="xy", scale_units="xy", scale=1, **look)


def legend_below(figure: Figure, *more: Artist) -> None:
    """A legend of all panels' curves, each label once, in as many columns as fit; the figure gets higher."""
    handles = [handle for panel in figure.axes for handle in panel.get_legend_handles_labels()[0]]
    entries: dict[Any, Any] = {handle.get_label(): handle for handle in (*handles, *more)}
    fitting = int(LETTERS * figure.get_figwidth() / (max(map(len, entries)) + SYMBOL))
    columns = max(1, min(fitting, len(entries)))
    more_lines = ceil(len(entries) / columns) - USUAL_LINES
    figure.set_figheight(figure.get_figheight() + LINE_HEIGHT * max(0, more_lines))
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns)


def strokes_of(runs: Frame, column: str = "label") -> dict[str, Stroke]:
    """By label: the version's stroke for the first label of each version, spare strokes for the others."""
    versions = runs.drop_duplicates(column).set_index(column)["version"]
    if len(versions) > len(STROKES):
        raise ValueError(f"more than {len(STROKES)} rows in one picture; name the runs of fewer")
    first = versions.drop_duplicates().items()
    strokes = {label: VERSIONS[version] for label, version in first if version in VERSIONS}
    spare = iter([s for s in (*STROKES[len(VERSIONS) :], *VERSIONS.values()) if s not in strokes.values()])
    return {label: strokes[label] if label in strokes else next(spare) for label in versions.index}


def draw_bands(panel: Axes, runs: Frame, values: np.ndarray, first: int = 0, marked: int = MARKED) -> None:
    """For each label the mean over its runs, and a band from the smallest to the largest value.

    ``values``: (runs, n), drawn at x = first, first + 1, …; with markers where n ≤ ``marked`` or a point
    stands alone. A column with a NaN, or on a logarithmic axis with a value ≤ 0, is a gap.
    """
    x = np.arange(first, first + values.shape[1])
    for label, stroke in strokes_of(runs).items():
        seeds = values[(runs["label"] == label).to_numpy()]
        shown = (np.isfinite(seeds) & ((seeds > 0) | (panel.get_yscale() != "log"))).all(axis=0)
        seeds = np.where(shown, seeds, np.nan)
        low, high = seeds.min(axis=0), seeds.max(axis=0)
        beside = np.pad(shown, 1)
        alone = shown & ~beside[:-2] & ~beside[2:]
        marks = shown if len(x) <= marked else alone
        look: Stroke = stroke if marks.any() else stroke | {"marker": ""}
        panel.plot(x, seeds.mean(axis=0), label=label, markevery=marks.tolist(), **look)
        panel.fill_between(x, low, high, color=stroke["color"], alpha=0.18, linewidth=0)
        if alone.any():
            panel.vlines(x[alone], low[alone], high[alone], color=stroke["color"], alpha=0.5)
    panel.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))


def draw_intervals(panel: Axes, x: np.ndarray, intervals: Frame, stroke: Stroke, **look: Any) -> None:
    """Means with the intervals about them, in percent, cut to 0 … 100 %."""
    mean, low, high = 100 * intervals.to_numpy(float).clip(0, 1).T
    reach = np.nan_to_num(np.stack([mean - low, high - mean]).clip(0))
    panel.errorbar(x, mean, yerr=reach, capsize=2.5, elinewidth=0.9, **stroke | look)
