"""The parts of a report, put into its template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from bregman_exp.analysis.figures.album import Picture
from bregman_exp.analysis.frame import Results
from bregman_exp.analysis.report import formats
from bregman_exp.analysis.report.checks import meanings, summaries, totals
from bregman_exp.analysis.report.commands import Command, evaluating_commands, row_command, training_commands
from bregman_exp.analysis.report.embedded import embedded
from bregman_exp.analysis.report.facts import ENVIRONMENT, environments, facts, lead, title
from bregman_exp.analysis.report.runs import reported_runs, rows_of, states
from bregman_exp.analysis.table import DifferingRunsError, Options, Table, as_html, shown_figures, tables_of

TEMPLATES = Path(__file__).parent / "templates"
SYMBOLS = {
    **{"complete": "✓", "running": "▸", "interrupted": "◦", "failed": "✗", "damaged": "✗"},  # of runs
    **{"passed": "✓", "skipped": "–"},  # of checks
}


@dataclass(frozen=True)
class Sources:
    """What a report shows beside the runs.

    ``missing``: by kind of picture, why it was not drawn; ``made_by``: the command that asked for the page;
    ``checks``: the text of docs/checks.md.
    """

    pictures: Sequence[Picture] = ()
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    made_by: str = ""
    checks: str = ""


def tables_for(results: Results, options: Options) -> tuple[list[Table], str]:
    """One table, or one for each kind of runs, and in what these differ; else why there is none.

    Raises ValueError, in one sentence, where no run has an attack that is asked for, and where no row is
    the baseline asked for.
    """
    frame = results.frame[results.frame["state"] != "damaged"]
    if not (frame["state"] == "complete").any():
        return [], "No run is complete, so there is nothing to tabulate."
    try:
        return tables_of(frame, replace(options, split=False)), ""
    except DifferingRunsError as error:
        remark = f"The runs do not share one table: they differ in {error.differing}."
        return tables_of(frame, replace(options, split=True)), remark


def report_page(results: Results, options: Options, sources: Sources) -> str:
    """One HTML page that loads nothing: all is inside, and whatever the runs say is escaped."""
    runs, (tables, remark) = reported_runs(results), tables_for(results, options)
    terms, rows = facts(runs), rows_of(runs)
    making = [Command("This page:", sources.made_by)] if sources.made_by else []
    every_check = summaries(check for run in runs for check in run.checks)
    ids = list(dict.fromkeys(column.id for table in tables for column in table.columns)) or ["clean"]
    return _template("page.html").render(
        title=title(runs),
        lead=lead(terms),
        written=datetime.now().astimezone(),
        states=states([run.state for run in runs]),
        facts=terms,
        commands=[*training_commands(rows), *evaluating_commands(runs), *making],
        tables=[Markup(as_html(table)) for table in tables],  # escapes by itself
        remark=remark,
        columns=[(id_, "test accuracy" if id_ == "clean" else id_) for id_ in ids],
        figures=_figures(results, options),
        pictures=embedded(sources.pictures),
        missing=sources.missing,
        totals=totals(runs),
        checks=every_check,
        meanings=meanings(sources.checks, [check.name for check in every_check]),
        runs=runs,
        rows=rows,
        by_row={row.name: command for row in rows if (command := row_command(row, "This row:"))},
        environment_names=ENVIRONMENT,
        environments=environments(runs),
    )


def _figures(results: Results, options: Options) -> dict[tuple[str, str], str]:
    """By run and id, e.g. "98.80", with a mark where the number is not a plain one.

    Of a run that has none of the weights asked for, those of its own.
    """
    marks = {"unreliable": " !", "degenerate": " ="}
    texts: dict[tuple[str, str], str] = {}
    for which in (options, replace(options, weights=None)):
        figures = shown_figures(results.frame, which)
        figures = figures[~figures["run"].isin({run for run, _ in texts})].drop_duplicates(["run", "id"])
        for run, id_, accuracy, verdict in figures[["run", "id", "accuracy", "verdict"]].itertuples(
            index=False
        ):
            share = None if pd.isna(accuracy) else float(accuracy)
            texts[run, id_] = formats.percent(share) + marks.get(verdict, "")
    return texts


def _template(name: str) -> Template:
    """Everything is escaped but what is marked as HTML: the tables, and the files of ``templates``."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("percent", "interval", "number", "duration", "counted")
    made.filters.update({name: getattr(formats, name) for name in names})
    known: dict[str, Any] = {"summaries": summaries, "symbols": SYMBOLS}
    made.globals.update(known)
    return made.get_template(name)
