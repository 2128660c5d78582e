"""A picture that has been drawn: its files, and the words that belong under it."""

from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from bregman_exp.results.pictures.style import write_figure


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
