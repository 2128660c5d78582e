"""Kinds of pictures, pictures as files, and the reasons for those that were not drawn."""

import hashlib
import re
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from bregman_exp.analysis.figures.style import SETTINGS
from bregman_exp.analysis.names import Frame
from bregman_exp.runs.atomic import write_atomically, write_text

Groups = list[tuple[str, Any]]  # the runs that share a picture, by name: lines of the frame, or networks
DOTS = 200  # an inch, in the PNG
# of an SVG: coordinates (not the scale of a letter, which needs its digits), and clip paths with their names
LONG_NUMBER = re.compile(r"(?<![\w.(-])-?\d+\.\d{4,}|(?<=translate\()-?\d+\.\d{4,}")
CLIP_PATH = re.compile(r'<clipPath id="(p[0-9a-f]+)">(.*?)</clipPath>', re.DOTALL)


class Drawing(NamedTuple):
    """A figure of one group. ``about``: stands before the group's name in titles; ``gif``: the animation."""

    figure: Figure
    caption: str
    about: str = ""
    gif: bytes | None = None


@dataclass
class Kind:
    """Decorates the function that draws a group; ValueError or OSError say why it cannot.

    ``name``: the function's, for --what; ``groups``: from the lines of complete runs; None: no runs are
    needed; ``fits``: which groups can have the picture; ``otherwise``: the sentence where none can.
    """

    title: str
    groups: Callable[[Frame], Groups] | None = None
    fits: Callable[[Any], bool] = lambda group: True
    otherwise: str = "there is no complete run"
    name: str = field(init=False)
    draw: Callable[[Any], Iterable[Drawing]] = field(init=False)

    def __call__(self, draw: Callable[[Any], Iterable[Drawing]]) -> "Kind":
        self.name, self.draw = draw.__name__, draw
        return self


@dataclass(frozen=True)
class Picture:
    """``what``: its kind; ``gif``: the animation, where there is one."""

    what: str
    title: str
    caption: str
    png: Path
    svg: Path
    gif: Path | None = None


class Album:
    """Pictures in the folder ``out``, in the order they were drawn; ``.missing``: what could not be drawn."""

    def __init__(self, out: Path):
        self.out = out
        self.pictures: list[Picture] = []
        self._left_out: dict[str, dict[str, list[str]]] = {}  # kind -> reason -> names of groups

    def add(self, kind: Kind, name: str, drawing: Drawing) -> None:
        """Writes out/<kind>-<name of the group>, numbered if taken; in letters that fit every file system."""
        about = ", ".join(filter(None, (drawing.about, name)))
        letters = about.lower().replace(" × ", "x").replace("ε", "eps")
        stem = "-".join([kind.name, *re.findall(r"[a-z0-9._]+", letters)])
        taken = {picture.png.stem for picture in self.pictures}
        stem = next(s for i in count(1) if (s := f"{stem}-{i}" if i > 1 else stem) not in taken)
        png, svg, gif = (self.out / f"{stem}.{ending}" for ending in ("png", "svg", "gif"))
        write_figure(drawing.figure, png)
        write_figure(drawing.figure, svg)
        if animation := drawing.gif:
            write_atomically(gif, lambda file: file.write(animation))
        title, moving = f"{kind.title}: {about}" if about else kind.title, gif if drawing.gif else None
        self.pictures.append(Picture(kind.name, title, drawing.caption, png, svg, moving))

    @contextmanager
    def attempt(self, what: str, name: str) -> Generator[None]:
        """A picture that fails is left out; the others are drawn."""
        try:
            yield
        except (ValueError, OSError) as error:
            self.leave_out(what, str(error).rstrip("."), name)

    def leave_out(self, what: str, why: str, name: str = "") -> None:
        """``why``: a sentence without its full stop; ``name``: of the runs it is about."""
        self._left_out.setdefault(what, {}).setdefault(why, []).append(name)

    @property
    def missing(self) -> dict[str, list[str]]:
        """By kind, a sentence for each reason, with the names of the groups."""
        return {
            what: [why + (f" ({'; '.join(names)})." if any(names) else ".") for why, names in reasons.items()]
            for what, reasons in self._left_out.items()
        }


def evenly(several: Sequence[Any], most: int) -> list[Any]:
    """At most ``most`` of them in their order, evenly spread, e.g. 0, 3, 6, 9 for range(10) and 4."""
    places = np.linspace(0, len(several) - 1, min(most, len(several))).round().astype(int)
    return [several[place] for place in places]


@mpl.rc_context(SETTINGS)
def write_figure(figure: Figure, path: Path) -> None:
    """Writes .svg or .png, as the path ends; equal figures give equal files.

    An SVG is in thousandths of a point, each clip path named by its content: matplotlib's layout leaves the
    last bits to chance, which show in the sixth decimal and in the names of clip paths.
    """
    if path.suffix == ".png":
        return write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=DOTS))
    figure.savefig(text := StringIO(), format="svg", metadata={"Date": None})
    svg = LONG_NUMBER.sub(lambda number: f"{float(number[0]):.3f}", text.getvalue())
    for name, shape in CLIP_PATH.findall(svg):
        svg = svg.replace(name, "clip" + hashlib.sha256(shape.encode()).hexdigest()[:10])
    write_text(path, svg)
