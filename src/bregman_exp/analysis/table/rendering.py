"""Tables as text: Markdown, LaTeX, HTML, CSV of the cells; and which format a file's ending stands for."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from bregman_exp.analysis.names import Frame
from bregman_exp.analysis.table import latex
from bregman_exp.analysis.table.content import CELLS, Table
from bregman_exp.analysis.table.screen import on_terminal
from bregman_exp.terminal import as_text

# what means something in a cell or a line; an underscore does at a word's edge only
MARKDOWN = re.compile(r"[\\|*`<>~$]|(?<!\w)_|_(?!\w)|(?<=\])\(|^#|!(?=\[)")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how one begins in a spreadsheet


def as_markdown(table: Table) -> str:
    """Caption, table, footnotes, in the dialect that has tables."""
    return _from_template(table, "table.md")


def as_html(table: Table) -> str:
    """A <figure>: the caption, the table in a box that may scroll, the list of its footnotes."""
    return _from_template(table, "table.html", autoescape=True)


def as_latex(table: Table) -> str:
    r"""For the inside of a table environment: \caption, a tabular with booktabs rules, the footnotes."""
    variables = {"variable_start_string": "<<", "variable_end_string": ">>"}  # braces are LaTeX's own
    return _from_template(table, "table.tex", block_start_string="<%", block_end_string="%>", **variables)


def _from_template(table: Table, template: str, **syntax: Any) -> str:
    two_lines = any(len(parts) > 1 for _, parts in table.groups)  # of headings
    return _template(template, **syntax).render(table=table, two_lines=two_lines)


@cache
def _template(name: str, **syntax: Any) -> Any:
    from jinja2 import Environment, FileSystemLoader  # other formats do not wait for it

    spaces = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), **spaces, **syntax)
    environment.filters |= {"plain": _plain, "tex": latex.escaped, "tex_note": latex.note}
    return environment.get_template(name)


def _plain(text: str) -> str:
    """The text in one line, with every character that means something to Markdown escaped."""
    return MARKDOWN.sub(lambda match: "\\" + match[0], " ".join(text.split()))


def as_cells(tables: Sequence[Table]) -> str:
    """CSV, a line for each row and column of each table; see ``Table``."""
    cells = pd.concat([table.cells.assign(table=number) for number, table in enumerate(tables, start=1)])
    for name in ("seeds", "missing", "failed"):
        cells[name] = [" ".join(map(str, seeds)) for seeds in cells[name]]
    return as_csv(cells[["table", *CELLS]])


def as_csv(frame: Frame) -> str:
    """Text that a spreadsheet would take for a formula comes with an apostrophe in front."""
    columns = {name: [_defused(value) for value in frame[name]] for name in frame}
    return pd.DataFrame(columns, dtype=object).to_csv(index=False, lineterminator="\n")


def _defused(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


TEXTS: dict[str, Callable[[Table], str]] = {"markdown": as_markdown, "latex": as_latex, "html": as_html}
FORMATS = ("terminal", *TEXTS, "cells", "csv", "parquet")
ENDINGS = {
    **{"md": "markdown", "tex": "latex", "html": "html", "htm": "html"},
    **{"csv": "csv", "parquet": "parquet", "pq": "parquet"},
}


def render(tables: Sequence[Table], format_: str) -> str:
    """The text of all tables; ``format_`` is "terminal", "markdown", "latex", "html" or "cells"."""
    if format_ == "cells":
        return as_cells(tables)
    if format_ == "terminal":
        return as_text(on_terminal(tables)) + "\n"
    return "\n".join(map(TEXTS[format_], tables))


def format_of(path: Path | None) -> str:
    """What a file's ending stands for; else the terminal's."""
    return ENDINGS.get(path.suffix.lower().removeprefix("."), "terminal") if path else "terminal"
