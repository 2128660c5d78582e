"""Run folders become pictures: all kinds that the runs allow, or those asked for."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib as mpl

from bregman_exp.analysis.figures.album import Album, Groups, Kind, evenly
from bregman_exp.analysis.figures.curves import curves
from bregman_exp.analysis.figures.depth import depth
from bregman_exp.analysis.figures.legendre import legendre
from bregman_exp.analysis.figures.measures import moves, separation
from bregman_exp.analysis.figures.networks import twins
from bregman_exp.analysis.figures.planes import boundary, fields, layers, regions
from bregman_exp.analysis.figures.robust import robust
from bregman_exp.analysis.figures.rows import lines_of
from bregman_exp.analysis.figures.style import SETTINGS
from bregman_exp.analysis.names import Frame
from bregman_exp.memory import collector_paused

ALL = (regions, layers, fields, boundary, separation, moves, depth, curves, robust, legendre)
KINDS: dict[str, Kind] = {kind.name: kind for kind in ALL}
MOST_GROUPS = 8  # pictures of a kind that loads networks, evenly by depth: each takes seconds


@collector_paused()  # drawing would start it often, to visit all runs each time
@mpl.rc_context(SETTINGS)
def draw_pictures(
    frame: Frame | None, out: Path, what: Sequence[str] = (), more: Sequence[str] = ()
) -> Album:
    """Draws into ``out``; returns ``.pictures`` (title, caption, png, gif) and what is ``.missing``.

    ``what``: names of ``KINDS``; none: all that need runs. Runs that are not complete do not count; None: no
    runs. ``more``: formats besides PNG, e.g. ("svg", "pdf").
    """
    album = Album(out, more)
    asked = [kind for kind in ALL if (kind.name in what if what else kind.groups)]
    has_runs = frame is not None and (frame["state"] == "complete").any()
    lines = lines_of(frame) if has_runs else None
    grouped = cache(lambda groups: groups(lines) if has_runs else [])
    for kind in asked:
        _draw(kind, grouped(kind.groups) if kind.groups else [("", None)], album)
    return album


def _draw(kind: Kind, groups: Groups, album: Album) -> None:
    of_networks = kind.groups is twins
    if not groups:
        album.leave_out(kind.name, f"there is no complete run{' of an MLP' if of_networks else ''}")
    sound = [place for place, (_, group) in enumerate(groups) if not (of_networks and group.fault)]
    left = set(sound) - set(evenly(sound, MOST_GROUPS if of_networks else len(sound)))
    for place, (name, group) in enumerate(groups):
        try:
            if place in left:
                raise ValueError(f"more than {MOST_GROUPS} groups of networks; name the runs of these alone")
            for drawing in kind.draw(group):
                album.add(kind, name, drawing)
        except (ValueError, OSError) as error:  # the other pictures are drawn
            album.leave_out(kind.name, str(error).rstrip("."), name)
