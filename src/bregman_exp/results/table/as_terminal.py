"""A table for the terminal: a cell tells all of its column, and wide tables are broken into blocks."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import HORIZONTALS
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text as RichText

from bregman_exp.results.table.content import Table
from bregman_exp.results.table.grid import ABSENT, PUBLISHED, Grid, Group, Text, grid

NAME = 25  # characters of a row's name in one line


def as_terminal(table: Table) -> RenderableType:
    """Caption, table, footnotes. Names are shown as they are, never as markup."""
    return OnTerminal(table)


@dataclass(frozen=True)
class OnTerminal:
    """Lays itself out for the width it is shown in; asks for the width of its widest column at least."""

    table: Table

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        shown = grid(self.table)
        single = [_width(_block(shown, [i]), console) for i in range(len(shown.groups))]
        return Measurement(max(single), max(single))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        width = options.max_width
        numbered = [f"[{number}] {text}" for number, text in enumerate(self.table.footnotes, start=1)]
        yield _lines(self.table.caption, width)
        for block in _blocks(grid(self.table), width, console):
            yield from ("", block)
        yield ""
        for note in (*numbered, *self.table.remarks):
            yield _lines(note, width)


def _blocks(shown: Grid, width: int, console: Console) -> Iterator[RichTable]:
    """The columns in their order, in each block as many as fit."""
    rest = list(range(len(shown.groups)))
    while rest:
        fitting = len(rest)
        while fitting > 1 and _width(_block(shown, rest[:fitting]), console) > width:
            fitting -= 1
        yield _block(shown, rest[:fitting])
        rest = rest[fitting:]


def _block(shown: Grid, places: Sequence[int]) -> RichTable:
    """The rows' names and seeds, and the groups at these places."""
    groups = [shown.groups[place] for place in places]
    stacked = any(len(group.parts) > 1 for group in groups)
    drawn = RichTable(
        box=HORIZONTALS, show_edge=False, show_lines=stacked, pad_edge=False, padding=(0, 1, 0, 0)
    )
    drawn.add_column("row", no_wrap=True)
    drawn.add_column("seeds", justify="right", no_wrap=True)
    for group in groups:
        drawn.add_column(RichText(group.heading), justify="right", no_wrap=True)
    for name, seeds, *texts in shown.lines:
        cells = _by_group(shown.groups, texts)
        texts_shown = (_folded(str(name)), str(seeds), *(cells[place] for place in places))
        drawn.add_row(*map(RichText, texts_shown))
    return drawn


def _folded(name: str) -> str:
    """Broken after commas, so that lines have NAME characters where they can."""
    lines = [""]
    for part in name.split(", "):
        longer = f"{lines[-1]}, {part}" if lines[-1] else part
        if lines[-1] and len(longer) > NAME:
            lines[-1] += ","
            lines.append(part)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def _by_group(groups: Sequence[Group], texts: Sequence[Text]) -> list[str]:
    """Of each group the accuracy, and below it what stands beside it in other formats."""
    each = iter(texts)
    return ["\n".join(_stacked(group, [next(each) for _ in group.parts])) for group in groups]


def _stacked(group: Group, texts: Sequence[Text]) -> list[str]:
    accuracy, *beside = zip(group.parts, map(str, texts), strict=True)
    there = [(part, text) for part, text in beside if text != ABSENT]
    return [accuracy[1], *(f"{part} {text}" if part == PUBLISHED else text for part, text in there)]


def _width(drawn: RichTable, console: Console) -> int:
    return Measurement.get(console, console.options.update(max_width=1000), drawn).maximum


def _lines(text: str, width: int) -> RichText:
    """Folded between words; a path that is too long for a line goes on in the next."""
    folded = textwrap.fill(
        text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return RichText(folded, overflow="fold")
