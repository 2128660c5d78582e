"""The results as one table."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from benchmarks.row import Row


def table(rows: Sequence[Row], machine: Mapping[str, Any]) -> Table:
    """One line a case. Ratios are of times, so one below 1 means faster."""
    title = "  ".join(f"{name} {value}" for name, value in machine.items())
    page = Table(title=title, title_justify="left")
    for name in ("", "case"):
        page.add_column(name)
    for name in ("measured", "time against", "±", "rounds"):
        page.add_column(name, justify="right")
    page.add_column("")
    for before, line in zip([None, *rows], rows, strict=False):
        if before is not None and before.subject != line.subject:
            page.add_section()
        page.add_row(*_cells(line, before is None or before.subject != line.subject))
    return page


def _cells(line: Row, first: bool) -> list[str]:
    ratios = ", ".join(f"{name} {_ratio(ratio)}" for name, ratio in line.ratios.items())
    details = [
        f"{name} {value}" if isinstance(value, str) else f"{name} {value:.3g}"
        for name, value in line.details.items()
    ]
    noisy = ["machine noisy"] if line.noisy else []
    return [
        line.subject if first else "",
        escape(line.case),
        "" if line.value is None else f"{_number(line.value)} {line.unit}",
        ratios,
        "" if line.spread is None else f"{line.spread:.1%}",
        str(line.rounds or ""),
        escape(", ".join(details + noisy)),
    ]


def _number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(ratio: float) -> str:
    """Two decimals, or two digits of a small one."""
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"
