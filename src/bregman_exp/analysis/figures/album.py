"""What has been drawn, and what has not and why."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure

from bregman_exp.analysis.figures.style import write_figure


@dataclass(frozen=True)
class Picture:
    """``what``: its kind, as --what names it; ``gif``: the same moving, where there is such a thing."""

    what: str
    title: str
    caption: str
    png: Path
    svg: Path
    gif: Path | None = None


def write_picture(
    figure: Figure, stem: Path, what: str, title: str, caption: str, gif: Path | None = None
) -> Picture:
    """Writes ``stem``.svg and ``stem``.png."""
    png, svg = (write_figure(figure, stem.with_name(f"{stem.name}.{kind}")) for kind in ("png", "svg"))
    return Picture(what, title, caption, png, svg, gif)


@dataclass
class Album:
    """Pictures in the folder ``out``, in the order they were drawn, and what could not be drawn.

    ``left_out``: by kind and reason, the groups of runs it holds of ("" for all).
    """

    out: Path
    pictures: list[Picture] = field(default_factory=list)
    left_out: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, figure: Figure, what: str, title: str, caption: str, gif: Path | None = None) -> None:
        self.pictures.append(write_picture(figure, self.stem(what, title), what, title, caption, gif))

    def stem(self, what: str, title: str) -> Path:
        """Where the next picture goes: out/<what>-<what the title says after its colon>, numbered if taken.

        The name is of letters that every file system and address takes.
        """
        about = title.partition(": ")[2].lower().replace(" × ", "x").replace("ε", "eps")
        name = "-".join([what, *re.findall(r"[a-z0-9._]+", about)])
        taken = {picture.png.stem for picture in self.pictures}
        names = [name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))]
        return self.out / next(free for free in names if free not in taken)

    def leave_out(self, what: str, why: str, of: str = "") -> None:
        """``why``: a sentence without its full stop; ``of``: the runs it is said of."""
        self.left_out.setdefault((what, why), []).append(of)

    def drawn(self, what: str) -> list[Picture]:
        return [picture for picture in self.pictures if picture.what == what]

    @property
    def missing(self) -> dict[str, list[str]]:
        """By kind, a sentence for each reason."""
        told: dict[str, list[str]] = {}
        for (what, why), groups in self.left_out.items():
            of = "; ".join(group for group in groups if group)
            told.setdefault(what, []).append(f"{why}{f' ({of})' if of else ''}.")
        return told
