"""How all pictures look: for print, for colour-blind readers, for prints in grey."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatterSciNotation

from bregman_exp.analysis.names import Frame
from bregman_exp.runs.record import Version

TEXT_WIDTH = 6.75  # inches: both columns of a printed page; pictures are made at the size they are printed at
LETTERS, SYMBOL = 14, 9  # of a legend's line: letters in an inch; what a curve's sample takes, in letters
MARKED = 16  # layers; curves with more have no markers
BANDS = "Lines: mean over seeds; bands: from the smallest to the largest."  # what captions say of draw_bands

# The palette of Okabe and Ito
BLUE, VERMILION = "#0072B2", "#D55E00"
BLACK, GREEN, ORANGE, SKY, PURPLE = "#000000", "#009E73", "#E69F00", "#56B4E9", "#CC79A7"
GREY = "#808080"
CLASSES = ((BLUE, "o"), (VERMILION, "^"))  # colour and marker of class 0 and class 1


# Curves differ in colour, dashes and marker.
Stroke = dict[str, Any]
STROKES: list[Stroke] = [
    {"color": colour, "linestyle": dashes, "marker": marker}
    for colour, dashes, marker in (
        (BLACK, "--", "o"),
        (ORANGE, "-.", "s"),
        (GREEN, "-", "^"),
        (SKY, ":", "D"),
        (PURPLE, (0, (5, 1, 1, 1, 1, 1)), "v"),
        (BLUE, (0, (8, 2)), "P"),
        (VERMILION, (0, (1, 3)), "X"),
    )
]
VERSIONS: dict[str, Stroke] = dict(zip(map(str, Version), STROKES, strict=False))

SETTINGS: dict[Any, Any] = {
    **dict.fromkeys(("font.size", "axes.titlesize", "axes.labelsize", "legend.fontsize"), 8),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize"), 8),
    **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.6),
    **{"figure.titlesize": 9, "lines.linewidth": 1.4, "lines.markersize": 4},
    **{"legend.frameon": False, "legend.handlelength": 2.8, "mathtext.default": "regular"},
    "text.parse_math": False,  # a user's name may have a $; our own mathematics asks for it
    "svg.hashsalt": "bregman-exp",  # the same picture is the same file
}


class PlainNumbers(LogFormatterSciNotation):
    """The ticks that matplotlib would label, as 0.4 and not as 4 × 10⁻¹."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def log_axis(panel: Axes) -> None:
    """Makes the y-axis logarithmic."""
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(PlainNumbers())
    panel.yaxis.set_minor_formatter(PlainNumbers(labelOnlyBase=False, minor_thresholds=(1, 0.4)))


def class_marks() -> list[Line2D]:
    """A legend's entries for the classes."""
    return [Line2D([], [], color=c, marker=m, ls="", label=f"class {i}") for i, (c, m) in enumerate(CLASSES)]


def scatter(panel: Axes, points: np.ndarray, labels: np.ndarray, size: float = 4, **look: Any) -> None:
    """points (N, 2) with labels (N,) of 0 and 1."""
    for label, (colour, marker) in enumerate(CLASSES):
        x, y = points[labels == label].T
        panel.scatter(x, y, s=size, c=colour, marker=marker, linewidths=0, label=f"class {label}", **look)


def draw_arrows(panel: Axes, tails: np.ndarray, moves: np.ndarray, **look: Any) -> None:
    """Arrows in the units of the data; tails, moves (N, 2)."""
    panel.quiver(*tails.T, *moves.T, angles="xy", scale_units="xy", scale=1, **look)


def legend_below(figure: Figure, *more: Line2D) -> None:
    """A legend of all panels' curves, each label once, in as many columns as fit beside each other."""
    entries: dict[Any, Any] = {}
    for panel in figure.axes:
        handles, labels = panel.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    entries |= {line.get_label(): line for line in more}
    columns = int(LETTERS * figure.get_figwidth() / (max(map(len, entries)) + SYMBOL))
    columns = max(1, min(columns, len(entries)))
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns)


def strokes_of(runs: Frame, column: str = "label") -> dict[str, Stroke]:
    """By label: the version's stroke for the first label of each version, spare strokes for the others."""
    versions = runs.drop_duplicates(column).set_index(column)["version"]
    if len(versions) > len(STROKES):
        raise ValueError(f"more than {len(STROKES)} rows in one picture; name the runs of fewer")
    strokes = {label: VERSIONS[version] for label, version in versions.drop_duplicates().items()}
    spare = iter([s for s in (*STROKES[len(VERSIONS) :], *VERSIONS.values()) if s not in strokes.values()])
    return {label: strokes[label] if label in strokes else next(spare) for label in versions.index}


def draw_bands(panel: Axes, runs: Frame, values: np.ndarray, first: int = 0, marked: int = MARKED) -> None:
    """For each label the mean over its runs, and a band from the smallest to the largest value.

    ``values``: (runs, n), drawn at x = first, first + 1, …; with markers where n ≤ ``marked``. A column with
    a NaN, or on a logarithmic axis with a value ≤ 0, is a gap.
    """
    x = np.arange(first, first + values.shape[1])
    for label, stroke in strokes_of(runs).items():
        seeds = values[(runs["label"] == label).to_numpy()]
        shown = (np.isfinite(seeds) & ((seeds > 0) | (panel.get_yscale() != "log"))).all(axis=0)
        seeds = np.where(shown, seeds, np.nan)
        look: Stroke = stroke | ({"marker": ""} if len(x) > marked else {})
        panel.plot(x, seeds.mean(axis=0), label=label, **look)
        if len(seeds) > 1:
            band = seeds.min(axis=0), seeds.max(axis=0)
            panel.fill_between(x, *band, color=stroke["color"], alpha=0.18, linewidth=0)


def draw_intervals(panel: Axes, x: np.ndarray, intervals: Frame, stroke: Stroke, **look: Any) -> None:
    """Means with the intervals about them, in percent, cut to 0 … 100 %."""
    mean, low, high = 100 * intervals.to_numpy(float).clip(0, 1).T
    reach = np.nan_to_num(np.stack([mean - low, high - mean]).clip(0))
    panel.errorbar(x, mean, yerr=reach, capsize=2.5, elinewidth=0.9, **stroke | look)
