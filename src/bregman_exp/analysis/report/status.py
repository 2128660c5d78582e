"""How far runs are, row by row, for the terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bregman_exp.analysis.formats import ranges
from bregman_exp.analysis.frame import Results
from bregman_exp.analysis.report.runs import named_runs, states


def status_page(results: Results) -> RenderableType:
    """How many runs of each row are in which state; under it, each failure in one line."""
    runs = named_runs(results.frame)
    totals, table = states(runs), Table(show_footer=True)
    table.add_column("row", footer="all")
    table.add_column("seeds", footer=ranges(runs["seed"].dropna()))
    for state, n in totals.items():
        table.add_column(state, justify="right", footer=str(n))
    for name, row in runs.groupby("name", sort=False):
        count = states(row)
        cells = (str(count.get(state, 0)) for state in totals)
        table.add_row(Text(str(name)), ranges(row["seed"].dropna()), *cells)
    errors = results.frame.loc[results.frame["error"] != "", ["run", "error"]]
    failures = runs[["run"]].merge(errors, on="run")
    lines = failures.itertuples(index=False)
    return Group(table, *(Text(f"{path}: {error.splitlines()[0]}") for path, error in lines))
