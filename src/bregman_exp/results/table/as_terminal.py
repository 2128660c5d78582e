"""A table for the terminal."""

import textwrap

from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from bregman_exp.results.table.content import Table
from bregman_exp.results.table.grid import grid

WIDTH = 110  # of caption and footnotes


def as_terminal(table: Table) -> RenderableType:
    """Caption, table, footnotes. Names are shown as they are, never as markup."""
    shown = grid(table)
    drawn = RichTable(padding=0)
    for i, heading in enumerate(shown.headings):
        stacked = heading.replace(": ", "\n").replace("-", "\n")  # pgd-linf-0.01 in three lines
        drawn.add_column(Text(stacked), justify="left" if i == 0 else "right", no_wrap=True)
    for line in shown.lines:
        drawn.add_row(*(Text(str(cell)) for cell in line))
    numbered = [f"[{number}] {text}" for number, text in enumerate(table.footnotes, start=1)]
    return Group(_lines(table.caption), drawn, *map(_lines, (*numbered, *table.remarks)))


def _lines(text: str) -> Text:
    return Text(
        textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    )
