"""A table for the terminal: a cell shows all parts of its column, and wide tables are broken into blocks."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import HORIZONTALS
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text as RichText

from bregman_exp.analysis.table.content import ABSENT, MEASURED, PUBLISHED, Table, Text

NAME = 25  # characters of a row's name in one line
WHOLE_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def on_terminal(tables: Iterable[Table]) -> RenderableType:
    """Caption, table, footnotes of each. Names are shown as they are, never as markup."""
    parts = [part for table in tables for part in ("", OnTerminal(table))]
    return Group(*parts[1:])


@dataclass(frozen=True)
class OnTerminal:
    """Lays itself out for the width it is shown in; asks for the width of its widest column at least."""

    table: Table

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        widest = max(_width(_block(self.table, [i]), console) for i in range(len(self.table.groups)))
        return Measurement(widest, widest)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        width = options.max_width
        yield _lines(self.table.caption, width)
        for block in _blocks(self.table, width, console):
            yield from ("", block)
        yield ""
        for note in self.table.numbered:
            yield _lines(note, width)


def _blocks(table: Table, width: int, console: Console) -> Iterator[RichTable]:
    """The columns in their order, in each block as many as fit."""
    rest = range(len(table.groups))
    while rest:
        sizes = range(len(rest), 1, -1)
        fitting = next((n for n in sizes if _width(_block(table, rest[:n]), console) <= width), 1)
        yield _block(table, rest[:fitting])
        rest = rest[fitting:]


def _block(table: Table, places: Sequence[int]) -> RichTable:
    """The rows' names and seeds, and the columns at these places."""
    stacked = any(len(table.groups[place][1]) > 1 for place in places)
    drawn = RichTable(
        box=HORIZONTALS, show_edge=False, show_lines=stacked, pad_edge=False, padding=(0, 1, 0, 0)
    )
    drawn.add_column("row", no_wrap=True)
    for heading in ("seeds", *(table.groups[place][0] for place in places)):
        drawn.add_column(RichText(heading), justify="right", no_wrap=True)
    for name, seeds, *texts in table.texts:
        each = iter(texts)
        cells = [_stacked({part: next(each) for part in parts}) for _, parts in table.groups]
        drawn.add_row(*map(RichText, (_folded(str(name)), str(seeds), *(cells[place] for place in places))))
    return drawn


def _folded(name: str) -> str:
    """Broken after commas, so that lines have NAME characters where they can."""
    spaced = re.sub("(?<!,) ", "\0", f"{name},")  # the last line with a comma too
    return textwrap.fill(spaced, NAME + 1, **WHOLE_WORDS).replace("\0", " ").removesuffix(",")


def _stacked(parts: dict[str, Text]) -> str:
    """The accuracy, and below it what stands beside it in other formats."""
    named = {PUBLISHED: f"{PUBLISHED} ", MEASURED: f"{MEASURED}\n"}  # the long one in a line of its own
    return "\n".join(
        f"{named.get(part, '')}{text}" for part, text in parts.items() if not part or text.text != ABSENT
    )


def _width(drawn: RichTable, console: Console) -> int:
    return Measurement.get(console, console.options.update(max_width=1000), drawn).maximum


def _lines(text: str, width: int) -> RichText:
    """Folded between words; a path that is too long for a line goes on in the next."""
    return RichText(textwrap.fill(text, width, subsequent_indent="  ", **WHOLE_WORDS), overflow="fold")
