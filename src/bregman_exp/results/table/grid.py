"""The text of every cell, the same for all formats."""

from dataclasses import dataclass

from bregman_exp.results.table.content import Cell, Difference, Line, Table

PUBLISHED, DIFFERENCE = "published", "difference"
ABSENT = "—"


@dataclass(frozen=True)
class Text:
    """A cell's text and the numbers of its footnotes."""

    text: str
    notes: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.text + (f" [{', '.join(map(str, self.notes))}]" if self.notes else "")


@dataclass(frozen=True)
class Group:
    """A column of the table as it is shown: the accuracy, and what stands beside it."""

    heading: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """``lines``: name, seeds, then the parts of each group in turn."""

    groups: tuple[Group, ...]
    lines: tuple[tuple[Text, ...], ...]

    @property
    def headings(self) -> list[str]:
        """A flat heading for each part: "test accuracy", "test accuracy: published", …"""
        flat = [
            group.heading if not part else f"{group.heading}: {part}"
            for group in self.groups
            for part in group.parts
        ]
        return ["row", "seeds", *flat]


def grid(table: Table) -> Grid:
    groups = tuple(
        Group(column.heading, ("", *_beside([line.cells[i] for line in table.lines])))
        for i, column in enumerate(table.columns)
    )
    return Grid(groups, tuple(_line(line, groups) for line in table.lines))


def _beside(cells: list[Cell]) -> list[str]:
    there = {
        PUBLISHED: any(cell.published for cell in cells),
        DIFFERENCE: any(cell.difference for cell in cells),
    }
    return [name for name, shown in there.items() if shown]


def _line(line: Line, groups: tuple[Group, ...]) -> tuple[Text, ...]:
    texts = [Text(line.name), Text(_seeds(line), line.notes)]
    for cell, group in zip(line.cells, groups, strict=True):
        texts.append(Text(str(cell), cell.notes))
        told = {PUBLISHED: _published(cell), DIFFERENCE: _difference(cell, line.baseline == line.name)}
        texts += [Text(told[part]) for part in group.parts if part]
    return tuple(texts)


def _seeds(line: Line) -> str:
    """E.g. "5", "3 of 5", "3 of 5, 1 failed"."""
    some = f" of {len(line.expected)}" if len(line.seeds) < len(line.expected) else ""
    failed = f", {len(line.failed)} failed" if line.failed else ""
    return f"{len(line.seeds)}{some}{failed}"


def _published(cell: Cell) -> str:
    if cell.published is None:
        return ABSENT
    spread = "" if cell.published.std is None else f" ± {cell.published.std:.2f}"
    return f"{cell.published.mean:.2f}{spread}"


def _difference(cell: Cell, is_baseline: bool) -> str:
    if is_baseline:
        return "baseline"
    return _shown(cell.difference) if cell.difference else ABSENT


def _shown(difference: Difference) -> str:
    """E.g. "+0.02 [-0.30, +0.34] UNRELIABLE", in points."""
    interval = difference.ci95
    told = f" [{100 * interval[0]:+.2f}, {100 * interval[1]:+.2f}]" if interval else ""
    return f"{100 * difference.value:+.2f}{told}{' ' if difference.marked else ''}{difference.marked}"
