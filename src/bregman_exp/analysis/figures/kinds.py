"""Run folders become pictures: all kinds that the runs allow, or those asked for."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.boundary import boundary
from bregman_exp.analysis.figures.curves import curves
from bregman_exp.analysis.figures.depth import depth
from bregman_exp.analysis.figures.fields import fields
from bregman_exp.analysis.figures.layers import layers
from bregman_exp.analysis.figures.legendre import legendre
from bregman_exp.analysis.figures.moves import moves
from bregman_exp.analysis.figures.plane import evenly
from bregman_exp.analysis.figures.regions import regions
from bregman_exp.analysis.figures.robust import robust
from bregman_exp.analysis.figures.rows import MOST, Row, any_depth, rows_of, same_architecture
from bregman_exp.analysis.figures.separation import separation
from bregman_exp.analysis.figures.subjects import Subject, subjects_of
from bregman_exp.analysis.names import Frame
from bregman_exp.config import ConfigError

MOST_GROUPS = 8  # pictures of a kind that looks into networks, evenly by depth: each takes seconds

# kind -> (its drawing, what a group of twins must be, the sentence where there is none)
TRACED: dict[str, tuple[Callable[[Subject, Album], None], Callable[[Subject], bool], str]] = {
    "regions": (
        regions,
        lambda subject: subject.in_the_plane,
        "no run is an MLP on points in the plane of two classes",
    ),
    **{
        name: (
            draw,
            lambda subject: subject.stays_in_the_plane,
            "no run is an MLP with layers of 2 neurons (model.width=2) on points in the plane of two classes",
        )
        for name, draw in (
            ("layers", layers),
            ("fields", fields),
            ("boundary", boundary),
        )
    },
    "separation": (separation, lambda subject: True, "no run is an MLP"),
    "moves": (
        moves,
        lambda subject: subject.keeps_a_width,
        "no run is an MLP with a layer that keeps the width",
    ),
}
# kind -> (its drawing, which rows share a picture)
RECORDED: dict[
    str, tuple[Callable[[Sequence[Row], Album], None], Callable[[Iterable[Row]], list[list[Row]]]]
] = {
    "depth": (depth, any_depth),
    "curves": (curves, same_architecture),
    "robust": (robust, same_architecture),
}
ON_REQUEST = ("legendre",)
KINDS = (*TRACED, *RECORDED, *ON_REQUEST)


def draw_pictures(frame: Frame | None, out: Path, what: Sequence[str] = ()) -> Album:
    """Draws into ``out``; returns ``.pictures`` (title, caption, png, svg, gif) and what is ``.missing``.

    ``what``: kinds out of ``KINDS``; none: all that the runs allow, without those on request. Runs that are
    not complete do not count; None: of no run. Raises ConfigError for another kind.
    """
    check_kinds(what)
    asked = [name for name in KINDS if name in (what or (*TRACED, *RECORDED))]
    album = Album(out)
    rows, unread = ([], []) if frame is None else rows_of(frame)
    for name in unread:
        album.leave_out("all", "their config is of another version of this program", name)
    _draw_traced([name for name in asked if name in TRACED], rows, album)
    for name in asked:
        if name in RECORDED:
            _draw_recorded(name, rows, album)
    if "legendre" in asked:
        legendre(album)
    return album


def check_kinds(what: Iterable[str]) -> None:
    """Raises ConfigError for a kind that is not in ``KINDS``."""
    unknown = [name for name in what if name not in KINDS]
    if unknown:
        raise ConfigError(f"there is no picture {', '.join(unknown)}; there are {', '.join(KINDS)}.")


def _draw_traced(names: Sequence[str], rows: Sequence[Row], album: Album) -> None:
    if not names:
        return
    subjects, failed = subjects_of(rows)
    for name in names:
        draw, fits, otherwise = TRACED[name]
        fitting = [subject for subject in subjects if fits(subject)]
        for why in failed:
            album.leave_out(name, why)
        if not fitting and not failed:
            album.leave_out(name, otherwise)
        shown = evenly(fitting, MOST_GROUPS)
        for subject in fitting:
            if subject in shown:
                _attempt(name, partial(draw, subject), album)
            else:
                why = f"more than {MOST_GROUPS} groups of networks; name the runs of these alone"
                album.leave_out(name, why, subject.name)


def _draw_recorded(name: str, rows: Sequence[Row], album: Album) -> None:
    draw, grouped = RECORDED[name]
    if not rows:
        album.leave_out(name, "there is no complete run")
    for group in grouped(rows):
        if name != "depth" and len(group) > MOST:
            why = f"more than {MOST} rows in one picture; name the runs of fewer"
            album.leave_out(name, why, group[0].architecture)
        else:
            _attempt(name, partial(draw, group), album)


def _attempt(name: str, draw: Callable[[Album], None], album: Album) -> None:
    """A file that is missing costs its picture, not the others."""
    try:
        draw(album)
    except (ValueError, OSError) as error:
        album.leave_out(name, str(error).rstrip("."))


def told(album: Album) -> list[str]:
    """A line for each picture that was drawn, then for each that was not."""
    lines = [
        f"{picture.what}: wrote {picture.png} and .svg{' and .gif' if picture.gif else ''}"
        for picture in album.pictures
    ]
    return lines + [f"{name}: not drawn: {why}" for name, reasons in album.missing.items() for why in reasons]
