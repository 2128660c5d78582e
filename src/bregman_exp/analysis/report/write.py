"""scripts/report.py: run folders and pictures of them become one page."""

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.frame import read_results
from bregman_exp.analysis.report.page import Sources, report_page
from bregman_exp.analysis.table import Options
from bregman_exp.runs import RunFolder
from bregman_exp.runs.atomic import write_text


def write_report(
    folders: Sequence[RunFolder], output: Path, options: Options, *, made_by: str = "", pictures: bool = True
) -> None:
    """Writes the page; raises ValueErrors, in one sentence, for a table that cannot be what is asked.

    ``made_by``: the command line that asked for it.
    """
    results = read_results(folders)
    n = results.frame["run"].nunique()
    print(f"{n} runs read{'; drawing pictures' if pictures else ''}", file=sys.stderr)
    with TemporaryDirectory() as place:
        album = Album(Path(place))
        if pictures:
            from bregman_exp.analysis.figures.draw import draw_pictures  # it needs torch

            album = draw_pictures(results.frame, Path(place))
        sources = Sources(album.pictures, album.missing, made_by, _checks())
        write_text(output, report_page(results, options, sources))


def _checks() -> str:
    """docs/checks.md, of a checkout."""
    path = Path(__file__).parents[4] / "docs" / "checks.md"
    return path.read_text() if path.is_file() else ""
