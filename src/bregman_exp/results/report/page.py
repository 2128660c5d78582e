"""The parts of a report, put into its template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from bregman_exp.results.pictures.picture import Picture
from bregman_exp.results.report import formats
from bregman_exp.results.report.checks import meanings, summaries, totals
from bregman_exp.results.report.embedded import embedded
from bregman_exp.results.report.facts import ENVIRONMENT, environments, facts, lead, states, title
from bregman_exp.results.report.rows import rows_of
from bregman_exp.results.report.runs import ReportedRun
from bregman_exp.results.report.tables import Tables
from bregman_exp.results.table import as_html

TEMPLATES = Path(__file__).parent / "templates"
SYMBOLS = {
    **{"complete": "✓", "running": "▸", "interrupted": "◦", "failed": "✗", "damaged": "✗"},  # of runs
    **{"passed": "✓", "skipped": "–"},  # of checks
}


@dataclass(frozen=True)
class Command:
    """A line of a shell, and what it does."""

    does: str
    line: str


@dataclass(frozen=True)
class Sources:
    """What a report shows beside the runs: ``commands``: to do it again; ``by_row``: the same for each row.

    ``missing``: by kind of picture, why it was not drawn; ``checks``: the text of docs/checks.md.
    """

    pictures: Sequence[Picture] = ()
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    commands: Sequence[Command] = ()
    by_row: Mapping[str, Command] = field(default_factory=dict)
    checks: str = ""


def report_page(runs: Sequence[ReportedRun], tables: Tables, sources: Sources) -> str:
    """One HTML page that loads nothing: all is inside, and whatever the runs say is escaped."""
    terms = facts(runs)
    every_check = summaries(check for run in runs for check in run.checks)
    return _template("page.html").render(
        title=title(runs),
        lead=lead(terms),
        written=datetime.now().astimezone(),
        states=states(runs),
        facts=terms,
        commands=sources.commands,
        tables=[Markup(as_html(table)) for table in tables.tables],  # escapes by itself
        remark=tables.remark,
        columns=_columns(tables),
        pictures=embedded(sources.pictures),
        missing=sources.missing,
        totals=totals(runs),
        checks=every_check,
        meanings=meanings(sources.checks, [check.name for check in every_check]),
        runs=runs,
        rows=rows_of(runs),
        by_row=sources.by_row,
        environment_names=ENVIRONMENT,
        environments=environments(runs),
    )


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
    known: dict[str, Any] = {"figure_of": _figure_of, "summaries": summaries, "symbols": SYMBOLS}
    made.globals.update(known)
    return made.get_template(name)


def _columns(tables: Tables) -> list[tuple[str, str]]:
    """Id and heading of each accuracy in the list of runs."""
    return [(id_, "test accuracy" if id_ == "clean" else id_) for id_ in tables.ids or ["clean"]]


def _figure_of(run: ReportedRun, id_: str) -> str:
    """E.g. "98.80", with a mark where the number is not a plain one; a dash where there is none."""
    figures = run.trained.figures.items() if run.trained else ()
    found = next((figure for measure, figure in figures if measure.id == id_), None)
    if found is None:
        return "—"
    return formats.percent(found.accuracy) + {"unreliable": " !", "degenerate": " ="}.get(found.verdict, "")
