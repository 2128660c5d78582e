"""Tables as text: for the terminal, in Markdown, LaTeX, HTML, and CSV of the cells."""

import re
from collections.abc import Sequence
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
OF_SEEDS = ("seeds", "missing", "failed")  # parts of a cell that are lists
# the template of each format, and its syntax: braces are LaTeX's own
TEMPLATES: dict[str, tuple[str, dict[str, Any]]] = {
    "markdown": ("table.md", {}),
    "latex": (
        "table.tex",
        {
            **{"variable_start_string": "<<", "variable_end_string": ">>"},
            **{"block_start_string": "<%", "block_end_string": "%>"},
        },
    ),
    "html": ("table.html", {"autoescape": True}),
}
FORMATS = ("terminal", *TEMPLATES, "cells", "csv", "parquet")
ENDINGS = {
    **{"md": "markdown", "tex": "latex", "html": "html", "htm": "html"},
    **{"csv": "csv", "parquet": "parquet", "pq": "parquet"},
}


def render(tables: Sequence[Table], format_: str) -> str:
    """The text of all tables.

    "terminal"; "markdown"; "latex": the inside of a table environment, with booktabs rules; "html": a
    <figure> each; "cells": CSV, a line for each row and column of each table, see ``Table``.
    """
    if format_ == "cells":
        lines = [
            cell | {"table": number} | {name: " ".join(map(str, cell[name])) for name in OF_SEEDS}
            for number, table in enumerate(tables, start=1)
            for row in table.rows
            for cell in row
        ]
        return as_csv(pd.DataFrame(lines, columns=["table", *CELLS], dtype=object))
    if format_ == "terminal":
        return as_text(on_terminal(tables)) + "\n"
    from jinja2 import Environment, FileSystemLoader  # other formats do not wait for it

    name, syntax = TEMPLATES[format_]
    spaces = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), **spaces, **syntax)
    environment.filters |= {"plain": _plain, "tex": latex.escaped, "tex_note": latex.note}
    template = environment.get_template(name)
    return "\n".join(
        template.render(table=table, two_lines=any(len(parts) > 1 for _, parts in table.groups))
        for table in tables
    )


def _plain(text: str) -> str:
    """The text in one line, with every character that means something to Markdown escaped."""
    return MARKDOWN.sub(lambda match: "\\" + match[0], " ".join(text.split()))


def as_csv(frame: Frame) -> str:
    """Text that a spreadsheet would take for a formula comes with an apostrophe in front."""
    columns = {name: [_defused(value) for value in frame[name]] for name in frame}
    return pd.DataFrame(columns, dtype=object).to_csv(index=False, lineterminator="\n")


def _defused(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def format_of(path: Path | None) -> str:
    """What a file's ending stands for; else the terminal's."""
    return ENDINGS.get(path.suffix.lower().removeprefix("."), "terminal") if path else "terminal"
