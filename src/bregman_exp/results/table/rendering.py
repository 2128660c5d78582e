"""Tables in the formats that can be asked for."""

from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Group, RenderableType

from bregman_exp.results.table.as_csv import as_csv
from bregman_exp.results.table.as_html import as_html
from bregman_exp.results.table.as_latex import as_latex
from bregman_exp.results.table.as_markdown import as_markdown
from bregman_exp.results.table.as_terminal import as_terminal
from bregman_exp.results.table.content import Table
from bregman_exp.results.terminal import as_text

EACH: dict[str, Callable[[Table], str]] = {"markdown": as_markdown, "latex": as_latex, "html": as_html}
FORMATS = ("terminal", "markdown", "latex", "csv", "html")
ENDINGS = {".md": "markdown", ".tex": "latex", ".csv": "csv", ".html": "html", ".htm": "html"}


def written(tables: Iterable[Table], format_: str) -> str:
    """The text of all tables; ``format_`` is one of FORMATS."""
    if format_ == "csv":
        return as_csv(tables)
    if format_ == "terminal":
        return as_text(on_terminal(tables)) + "\n"
    return "\n".join(EACH[format_](table) for table in tables)


def on_terminal(tables: Iterable[Table]) -> RenderableType:
    parts = [part for table in tables for part in ("", as_terminal(table))]
    return Group(*parts[1:])


def format_of(path: Path | None) -> str:
    """What a file's ending stands for; else the terminal's."""
    return ENDINGS.get(path.suffix.lower(), "terminal") if path else "terminal"
