"""How all pictures look, and how they are written: for print, for the colour-blind, for prints in grey."""

import hashlib
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatterSciNotation

from bregman_exp.runs.atomic import write_atomically, write_text
from bregman_exp.runs.record import Version

TEXT_WIDTH = 6.75  # inches: both columns of a printed page; pictures are made at the size they are printed at
DOTS = 200  # an inch, in the PNG

LETTERS, SYMBOL = 14, 9  # of a legend's line: letters in an inch; what a curve's sample takes, in letters

# The palette of Okabe and Ito
BLUE, VERMILION = "#0072B2", "#D55E00"
BLACK, GREEN, ORANGE, SKY, PURPLE = "#000000", "#009E73", "#E69F00", "#56B4E9", "#CC79A7"
GREY = "#808080"

# colour and marker of class 0 and class 1
CLASSES = ((BLUE, "o"), (VERMILION, "^"))


@dataclass(frozen=True)
class Stroke:
    """How a curve is told from the others: by colour, by its dashes and by its marker."""

    colour: str
    dashes: Any  # what matplotlib calls a linestyle
    marker: str


# of the versions of one network, and of any other curves in their order
VERSIONS: dict[str, Stroke] = {
    Version.STANDARD: Stroke(BLACK, "--", "o"),
    Version.EUCLIDEAN: Stroke(ORANGE, "-.", "s"),
    Version.BREGMAN: Stroke(GREEN, "-", "^"),
}
STROKES = (
    *VERSIONS.values(),
    Stroke(SKY, ":", "D"),
    Stroke(PURPLE, (0, (5, 1, 1, 1, 1, 1)), "v"),
    Stroke(BLUE, (0, (8, 2)), "P"),
    Stroke(VERMILION, (0, (1, 3)), "X"),
)

SETTINGS: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "figure.titlesize": 9,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    "mathtext.default": "regular",
    "text.parse_math": False,  # a name from outside may have a $; our own mathematics asks for it
    "svg.hashsalt": "bregman-exp",  # the same picture is the same file
}

# of an SVG: coordinates (not the scale of a letter, which needs its digits), and clip paths with their names
LONG_NUMBER = re.compile(r"(?<![\w.(-])-?\d+\.\d{4,}|(?<=translate\()-?\d+\.\d{4,}")
CLIP_PATH = re.compile(r'<clipPath id="(p[0-9a-f]+)">(.*?)</clipPath>', re.DOTALL)


@contextmanager
def print_style() -> Generator[None]:
    """Within it figures are made in the style of all pictures."""
    with mpl.rc_context(SETTINGS):
        yield


@print_style()
def write_figure(figure: Figure, path: Path) -> Path:
    """The figure as the path's ending says, .svg or .png; equal figures are equal files. Returns the path."""
    if path.suffix == ".svg":
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        write_text(path, _repeatable(text.getvalue()))
    else:
        write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=DOTS))
    return path


def _repeatable(svg: str) -> str:
    """The SVG in thousandths of a point, and each clip path named by what is written of it.

    The solver of matplotlib's layout leaves the last bits to chance: they show in the sixth decimal, and in
    the names of clip paths, which follow from unrounded corners.
    """
    svg = LONG_NUMBER.sub(lambda number: f"{float(number[0]):.3f}", svg)
    for name, shape in CLIP_PATH.findall(svg):
        svg = svg.replace(name, "clip" + hashlib.sha256(shape.encode()).hexdigest()[:10])
    return svg


def class_marks() -> list[Line2D]:
    """What a legend says of the classes."""
    return [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=f"class {label}")
        for label, (colour, marker) in enumerate(CLASSES)
    ]


class PlainNumbers(LogFormatterSciNotation):
    """The ticks that matplotlib would label, as 0.4 and not as 4 × 10⁻¹."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def log_axis(panel: Axes) -> None:
    """Makes the y-axis logarithmic."""
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(PlainNumbers())
    panel.yaxis.set_minor_formatter(PlainNumbers(labelOnlyBase=False, minor_thresholds=(1, 0.4)))


def legend_entries(*panels: Axes) -> dict[str, Any]:
    """The curves of all panels by their labels, each label once."""
    found = [panel.get_legend_handles_labels() for panel in panels]
    return {label: handle for handles, labels in found for handle, label in zip(handles, labels, strict=True)}


def legend_below(figure: Figure, entries: Mapping[str, Any]) -> None:
    """A legend under the panels, in as many columns as fit beside each other."""
    widest = max(map(len, entries)) + SYMBOL
    columns = int(LETTERS * figure.get_figwidth() / widest)
    columns = max(1, min(columns, len(entries)))
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns)
