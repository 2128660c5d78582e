"""The parts of a report, put into its template: scripts/report.py."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from bregman_exp.analysis import formats
from bregman_exp.analysis.figures.album import Album, Picture
from bregman_exp.analysis.frame import Results, read_results
from bregman_exp.analysis.names import Facts, Frame
from bregman_exp.analysis.report.checks import meanings, summaries
from bregman_exp.analysis.report.commands import Command, evaluating_commands, row_command, training_commands
from bregman_exp.analysis.report.confusion import confusion
from bregman_exp.analysis.report.embedded import embedded
from bregman_exp.analysis.report.facts import ENVIRONMENT, environments, facts, lead, title
from bregman_exp.analysis.report.runs import configs, counts, reported_runs, states
from bregman_exp.analysis.table import Options, Table, render, shown_figures, tables_of
from bregman_exp.memory import collector_paused
from bregman_exp.runs import RunFolder
from bregman_exp.runs.atomic import write_text
from bregman_exp.runs.record import clean_entry

SYMBOLS = {
    **{"complete": "✓", "running": "▸", "interrupted": "◦", "failed": "✗", "damaged": "✗"},  # of runs
    **{"passed": "✓", "skipped": "–"},  # of checks
}
MARKS = {"unreliable": " !", "degenerate": " ="}


def write_report(
    folders: Sequence[RunFolder], output: Path, options: Options, *, made_by: str = "", pictures: bool = True
) -> None:
    """Writes the page; raises ValueErrors, in one sentence, for a table that cannot be what is asked."""
    results = read_results(folders)
    n = results.frame["run"].nunique()
    print(f"{n} runs read{'; drawing pictures' if pictures else ''}", file=sys.stderr)
    with TemporaryDirectory() as place:
        album = Album(Path(place))
        if pictures:
            from bregman_exp.analysis.figures.draw import draw_pictures  # matplotlib takes a second

            album = draw_pictures(results.frame, Path(place))
        page = report_page(results, options, album.pictures, album.missing, made_by=made_by)
    write_text(output, page)


def tables_for(results: Results, options: Options) -> tuple[list[Table], str]:
    """One table, or one for each kind of runs, and in what these differ; else why there is none.

    Raises ValueError, in one sentence, where no run has an attack that is asked for, and where no row is
    the baseline asked for.
    """
    frame = results.frame[results.frame["state"] != "damaged"]
    if not (frame["state"] == "complete").any():
        return [], "No run is complete, so there is nothing to tabulate."
    return tables_of(frame, options)


@collector_paused()
def report_page(
    results: Results,
    options: Options,
    pictures: Sequence[Picture] = (),
    missing: Mapping[str, Sequence[str]] = MappingProxyType({}),
    *,
    made_by: str = "",
) -> str:
    """One HTML page that loads nothing: all is inside, and whatever the runs say is escaped.

    ``missing``: by kind of picture, why it was not drawn; ``made_by``: the command that asked for the page.
    """
    runs, (tables, remark) = reported_runs(results), tables_for(results, options)
    terms, checks = facts(runs), list(chain.from_iterable(runs["checks"]))
    making = [Command("This page:", made_by)] if made_by else []
    every_check = summaries(checks)
    ids = list(dict.fromkeys(cell["id"] for table in tables for cell in table.rows[0])) or ["clean"]
    return _template().render(
        title=title(runs),
        lead=lead(terms),
        written=datetime.now().astimezone(),
        states=states(runs),
        facts=terms,
        commands=[*training_commands(runs), *evaluating_commands(runs), *making],
        tables=[Markup(render([table], "html")) for table in tables],  # escapes by itself
        remark=remark,
        columns=[(id_, "test accuracy" if id_ == "clean" else id_) for id_ in ids],
        figures=_figures(results, options),
        pictures=embedded(pictures),
        missing=missing,
        totals=Counter(check["status"] for check in checks),
        checks=every_check,
        meanings=meanings(check["name"] for check in every_check),
        runs=list(runs.itertuples()),
        rows=[_row(name, row) for name, row in runs.groupby("name", sort=False)],
        environment_names=ENVIRONMENT,
        environments=environments(runs),
    )


def _row(name: str, runs: Frame) -> Facts:
    """What the page says of a row with these runs."""
    commands, each = row_command(runs, "This row:"), list(runs.itertuples())
    about = {"counts": counts(runs), "configs": configs(runs), "confusion": confusion(runs)}
    return {"name": name, "commands": commands, "runs": each, **about}


def _figures(results: Results, options: Options) -> dict[tuple[str, str], str]:
    """By run and id, e.g. "98.80", with a mark where the number is not a plain one.

    Of a run that has none of the weights asked for, those of its own.
    """
    asked, own = (shown_figures(results.frame, which) for which in (options, replace(options, weights=None)))
    figures = pd.concat([asked, own[~own["run"].isin(asked["run"])]]).drop_duplicates(["run", "id"])
    texts = [
        formats.percent(None if pd.isna(accuracy) else accuracy) + MARKS.get(verdict, "")
        for accuracy, verdict in zip(figures["accuracy"], figures["verdict"], strict=True)
    ]
    return dict(zip(zip(figures["run"], figures["id"], strict=True), texts, strict=True))


def _template() -> Template:
    """Everything is escaped but what is marked as HTML: the tables, and the files of ``templates``."""
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(
        loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    filters = ("percent", "interval", "number", "counted")
    environment.filters.update({name: getattr(formats, name) for name in filters})
    names: Facts = {"summaries": summaries, "symbols": SYMBOLS, "clean_entry": clean_entry}
    environment.globals.update(names)
    return environment.get_template("page.html")
