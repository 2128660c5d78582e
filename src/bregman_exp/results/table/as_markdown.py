"""A table as Markdown, in the dialect that knows tables."""

import re

from bregman_exp.results.table.content import Table
from bregman_exp.results.table.grid import grid

# what means something in a cell or a line; an underscore does at a word's edge only
SPECIAL = re.compile(r"[\\|*`<>~$]|(?<!\w)_|_(?!\w)|(?<=\])\(|^#|!(?=\[)")


def as_markdown(table: Table) -> str:
    """Caption, table, footnotes."""
    shown = grid(table)
    rule = ["---", *["---:"] * (len(shown.headings) - 1)]
    lines = [shown.headings, rule, *([str(cell) for cell in line] for line in shown.lines)]
    body = "\n".join("| " + " | ".join(map(_plain, line)) + " |" for line in lines)
    notes = [f"[{number}] {text}" for number, text in enumerate(table.footnotes, start=1)]
    told = [_plain(note) for note in (*notes, *table.remarks)]
    return "\n\n".join([_plain(table.caption), body, *told]) + "\n"


def _plain(text: str) -> str:
    return SPECIAL.sub(lambda match: "\\" + match[0], " ".join(text.split()))
