"""How far runs are, row by row, for the terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bregman_exp.results.report.facts import states
from bregman_exp.results.report.formats import ranges
from bregman_exp.results.report.rows import rows_of
from bregman_exp.results.report.runs import STATES, ReportedRun


def status_page(runs: Sequence[ReportedRun]) -> RenderableType:
    """How many runs of each row are in which state; under it, each failure in one line."""
    there = [state for state in STATES if state in states(runs)]
    table = Table(show_footer=True)
    table.add_column("row", footer="all")
    table.add_column("seeds", footer=ranges(run.seed for run in runs if run.seed is not None))
    for state in there:
        table.add_column(state, justify="right", footer=str(states(runs)[state]))
    for row in rows_of(runs):
        count = states(row.runs)
        seeds = ranges(run.seed for run in row.runs if run.seed is not None)
        table.add_row(Text(row.name), seeds, *(str(count.get(state, 0)) for state in there))
    failures = [
        Text(f"{run.folder.path}: {failure.error.splitlines()[0]}")
        for run in runs
        for failure in run.failures
    ]
    return Group(table, *failures)
