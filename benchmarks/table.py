"""The results as one table."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from benchmarks.row import Row


def table(rows: Sequence[Row], machine: Mapping[str, Any]) -> Table:
    """One line a case; ratios are of times, so below 1 is faster than what they are ratios to."""
    title = "  ".join(f"{name} {value}" for name, value in machine.items())
    shown = Table(title=title, title_justify="left")
    for name in ("", "case"):
        shown.add_column(name)
    for name in ("measured", "time against", "±", "rounds"):
        shown.add_column(name, justify="right")
    shown.add_column("")
    for before, line in zip([None, *rows], rows, strict=False):
        if before is not None and before.subject != line.subject:
            shown.add_section()
        shown.add_row(*_cells(line, before is None or before.subject != line.subject))
    return shown


def _cells(line: Row, first: bool) -> list[str]:
    ratios = ", ".join(f"{name} {_ratio(ratio)}" for name, ratio in line.ratios.items())
    told = [
        f"{name} {value}" if isinstance(value, str) else f"{name} {value:.3g}"
        for name, value in line.told.items()
    ]
    noisy = ["machine noisy"] if line.noisy else []
    return [
        line.subject if first else "",
        escape(line.case),
        "" if line.value is None else f"{_number(line.value)} {line.unit}",
        ratios,
        "" if line.spread is None else f"{line.spread:.1%}",
        str(line.rounds or ""),
        escape(", ".join(told + noisy)),
    ]


def _number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(ratio: float) -> str:
    """Two decimals, or two digits of a small one."""
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"
