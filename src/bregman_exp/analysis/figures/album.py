"""Kinds of pictures, pictures as files, and the reasons for those that were not drawn."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from bregman_exp.analysis.figures.style import DOTS, SETTINGS
from bregman_exp.analysis.names import Frame
from bregman_exp.runs.atomic import write_atomically

LONGEST_NAME = 200  # letters; file systems allow 255
Groups = list[tuple[str, Any]]  # the runs that share a picture, by name: lines of the frame, or networks


class Drawing(NamedTuple):
    """A figure of one group; ``about`` stands before the group's name in titles."""

    figure: Figure
    caption: str
    about: str = ""
    gif: bytes | None = None


@dataclass
class Kind:
    """Decorates the function that draws a group; ValueError or OSError say why it cannot.

    ``groups``: from the lines of complete runs, None where no runs are needed.
    """

    title: str
    groups: Callable[[Frame], Groups] | None = None
    name: str = field(init=False)  # the function's, for --what
    draw: Callable[[Any], list[Drawing]] = field(init=False)

    def __call__(self, draw: Callable[[Any], list[Drawing]]) -> "Kind":
        self.name, self.draw = draw.__name__, draw
        return self


@dataclass(frozen=True)
class Picture:
    what: str  # the name of its kind
    title: str
    caption: str
    png: Path  # beside it the other formats
    gif: Path | None = None


class Album:
    """Pictures in the folder ``out``, in the order they were drawn; as PNG and in ``more`` formats."""

    def __init__(self, out: Path, more: Sequence[str] = ()):
        self.out, self.more = out, more
        self.pictures: list[Picture] = []
        self._left_out: dict[tuple[str, str], list[str]] = {}  # (kind, reason) -> names of groups

    def add(self, kind: Kind, name: str, drawing: Drawing) -> None:
        """Writes out/<kind>-<name of the group>, numbered if taken; in letters that fit every file system."""
        about = ", ".join(filter(None, (drawing.about, name)))
        stem = "-".join([kind.name, *re.findall(r"[a-z0-9._]+", about.lower())])[:LONGEST_NAME]
        taken = {picture.png.stem for picture in self.pictures}
        stem = next(s for i in count(1) if (s := f"{stem}-{i}" if i > 1 else stem) not in taken)
        png = self.out / f"{stem}.png"
        for ending in ("png", *self.more):
            write_figure(drawing.figure, png.with_suffix(f".{ending}"))
        gif, animation = png.with_suffix(".gif"), drawing.gif
        if animation:
            write_atomically(gif, lambda file: file.write(animation))
        title = f"{kind.title}: {about}" if about else kind.title
        self.pictures.append(Picture(kind.name, title, drawing.caption, png, gif if animation else None))

    def leave_out(self, kind: str, why: str, name: str = "") -> None:
        """``why``: a sentence without its full stop; ``name``: of the runs it is about."""
        self._left_out.setdefault((kind, why), []).append(name)

    @property
    def missing(self) -> dict[str, list[str]]:
        """By kind, a sentence for each reason, with the names of the groups."""
        sentences: dict[str, list[str]] = {}
        for (kind, why), names in self._left_out.items():
            about = f" ({'; '.join(names)})" if any(names) else ""
            sentences.setdefault(kind, []).append(f"{why}{about}.")
        return sentences


def evenly(items: Sequence[Any], most: int) -> list[Any]:
    """At most ``most`` of them in their order, evenly spread, e.g. 0, 3, 6, 9 for range(10) and 4."""
    places = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[place] for place in places]


@mpl.rc_context(SETTINGS)
def write_figure(figure: Figure, path: Path) -> None:
    """Writes .svg, .png or .pdf, as the path ends; equal figures give equal files."""
    _freeze_layout(figure)
    date = "CreationDate" if path.suffix == ".pdf" else "Date"
    look: dict[str, Any] = {"format": path.suffix[1:], "dpi": DOTS, "metadata": {date: None}}
    write_atomically(path, lambda file: figure.savefig(file, **look))


def _freeze_layout(figure: Figure) -> None:
    """Solves the layout once for all files of the figure, as it takes as long as drawing.

    The solver leaves the last bits to chance, so that positions are rounded to millionths.
    """
    if (engine := figure.get_layout_engine()) is None:
        return
    engine.execute(figure)
    figure.set_layout_engine(None)  # "none" would make savefig look for a layout, by a draw for nothing
    for block in figure.subfigs:
        block.bbox_relative.set_points(block.bbox_relative.get_points().round(6))
    for panel in figure.axes:
        panel.set_position(Bbox(panel.get_position(original=True).get_points().round(6)))
