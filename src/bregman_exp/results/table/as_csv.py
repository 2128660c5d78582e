"""Tables as CSV in the long form: a line for each row and column of each table, for machines."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from bregman_exp.results.table.content import Cell, Column, Line, Table

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how one begins


def as_csv(tables: Iterable[Table]) -> str:
    """Accuracies, deviations, differences and their ends are fractions, also the published ones; ε in [0, 1].

    ``values``: accuracy by seed, "0:0.98 1:0.97"; ``seeds``, ``missing`` and ``failed``: seeds of the row;
    ``n_seeds``: those with a figure here; ``interval``: Welch, paired, or nothing.
    """
    lines = [
        {"table": number} | _of_table(table) | _of_line(line) | _of_column(column) | _of_cell(cell)
        for number, table in enumerate(tables, start=1)
        for line in table.lines
        for column, cell in zip(table.columns, line.cells, strict=True)
    ]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(lines[0]) if lines else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in line.items()} for line in lines)
    return stream.getvalue()


def _plain(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula comes with an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _of_table(table: Table) -> dict[str, Any]:
    return {"data": table.data, "fingerprint": table.fingerprint}


def _of_line(line: Line) -> dict[str, Any]:
    names = ("name", "baseline", "model", "act", "version", "weights", "row_hash", "epochs")
    told = {{"name": "row"}.get(name, name): getattr(line, name) for name in names}
    missing = set(line.expected) - set(line.seeds)
    seeds = {"seeds": line.seeds, "missing": sorted(missing), "failed": line.failed}
    return told | {name: " ".join(map(str, several)) for name, several in seeds.items()}


def _of_column(column: Column) -> dict[str, Any]:
    told = {name: getattr(column, name) for name in ("id", "heading", "attack", "norm", "eps", "n")}
    settings = ("steps", "restarts", "rel_step", "loss")
    return told | {name: column.settings.get(name) for name in settings} | {"code": " ".join(column.codes)}


def _of_cell(cell: Cell) -> dict[str, Any]:
    published, difference = cell.published, cell.difference
    ends = difference.ci95 if difference and difference.ci95 else (None, None)
    return {
        "mean": cell.mean,
        "std": cell.std,
        "n_seeds": len(cell.by_seed),
        "values": " ".join(f"{seed}:{value!r}" for seed, value in cell.by_seed.items()),
        "marks": cell.marked,
        "published_mean": published and round(published.mean / 100, 6),
        "published_std": round(published.std / 100, 6) if published and published.std is not None else None,
        "published_source": published and published.source,
        "difference": difference and difference.value,
        "ci95_low": ends[0],
        "ci95_high": ends[1],
        "interval": difference and difference.by,
        "difference_marks": difference and difference.marked,
    }
