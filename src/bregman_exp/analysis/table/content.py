"""A table as plain data. Accuracies are fractions; the text of a cell is the same in all formats."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from statistics import mean, stdev
from typing import Any

from bregman_exp.analysis.statistics import Interval

ABSENT = "—"
PUBLISHED, DIFFERENCE = "published", "difference"


@dataclass(frozen=True)
class Difference:
    """A cell's mean − the baseline's, with its 95 % interval (None: there is none).

    ``by``: "Welch" over seeds, or "paired" over the test samples of one seed each; ``marked``: what must be
    said of either number.
    """

    value: float
    ci95: Interval | None
    by: str
    marked: str = ""

    def __str__(self) -> str:
        """E.g. "+0.02 [-0.30, +0.34] UNRELIABLE", in points."""
        ends = f" [{100 * self.ci95[0]:+.2f}, {100 * self.ci95[1]:+.2f}]" if self.ci95 else ""
        return f"{100 * self.value:+.2f}{ends}{' ' if self.marked else ''}{self.marked}"


@dataclass(frozen=True)
class Cell:
    """The accuracies of a row in a column, by seed; ``of``: how many seeds the row has.

    ``marked``: what must be said of the number; ``notes``: numbers of footnotes; ``published``: mean, std,
    source and remark of the figure beside it, in percent; {} for none.
    """

    by_seed: dict[int, float]
    of: int
    marked: str = ""
    notes: tuple[int, ...] = ()
    published: Mapping[str, Any] = field(default_factory=dict)
    difference: Difference | None = None

    @property
    def mean(self) -> float | None:
        return mean(self.by_seed.values()) if self.by_seed else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation, from two seeds on."""
        return stdev(self.by_seed.values()) if len(self.by_seed) > 1 else None

    def __str__(self) -> str:
        """In percent: "90.82 ± 0.12 (n=4) UNRELIABLE"; n where the row has more seeds."""
        if self.mean is None:
            return self.marked or ABSENT
        fewer = f" (n={len(self.by_seed)})" if len(self.by_seed) < self.of else ""
        return f"{_with_spread(100 * self.mean, self.std and 100 * self.std)}{fewer} {self.marked}".rstrip()

    def texts(self, parts: tuple[str, ...], is_baseline: bool) -> list[str]:
        """What stands beside the accuracy."""
        published = _with_spread(self.published["mean"], self.published["std"]) if self.published else ABSENT
        difference = "baseline" if is_baseline else str(self.difference or ABSENT)
        return [{PUBLISHED: published, DIFFERENCE: difference}[part] for part in parts]


def _with_spread(middle: float, spread: float | None) -> str:
    return f"{middle:.2f}" + ("" if spread is None else f" ± {spread:.2f}")


@dataclass(frozen=True)
class Column:
    """Clean data (id "clean") or one attack: ``settings`` is its entry's, n the samples it saw.

    ``codes``: the code versions its figures were obtained with.
    """

    id: str
    heading: str
    n: int
    codes: tuple[str, ...]
    attack: str = ""
    norm: str = ""
    eps: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A row: the runs that differ only in their seed. ``expected``: the seeds it should have.

    ``failed``: the seeds among those that failed; ``cells``: one a column; ``notes``: of the whole line;
    ``baseline``: the line it is compared with, by name (its own: others are compared with it), or "".
    """

    name: str
    model: str
    act: str
    version: str
    weights: str
    row: str
    epochs: str
    seeds: tuple[int, ...]
    expected: tuple[int, ...]
    failed: tuple[int, ...]
    cells: tuple[Cell, ...]
    notes: tuple[int, ...] = ()
    baseline: str = ""

    @property
    def counts(self) -> str:
        """E.g. "5", "3 of 5", "3 of 5, 1 failed"."""
        some = f" of {len(self.expected)}" if len(self.seeds) < len(self.expected) else ""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"{len(self.seeds)}{some}{failed}"


@dataclass(frozen=True)
class Text:
    """A cell's text and the numbers of its footnotes."""

    text: str
    notes: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.text + (f" [{', '.join(map(str, self.notes))}]" if self.notes else "")


@dataclass(frozen=True)
class Table:
    """``footnotes``: by number, from 1; ``remarks``: of all of it; ``baseline``: the line that all are
    compared with, by name, or "".
    """

    caption: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    footnotes: tuple[str, ...]
    remarks: tuple[str, ...]
    baseline: str
    data: str
    fingerprint: str

    def parts(self, column: int) -> tuple[str, ...]:
        """What stands beside the accuracies of a column: "published", "difference", both or none."""
        cells = [line.cells[column] for line in self.lines]
        shown = {
            PUBLISHED: any(cell.published for cell in cells),
            DIFFERENCE: any(cell.difference for cell in cells),
        }
        return tuple(part for part, is_there in shown.items() if is_there)

    @cached_property
    def groups(self) -> list[tuple[str, tuple[str, ...]]]:
        """Of each column the heading, and the parts below it: "" for the accuracy, then ``parts``."""
        return [(column.heading, ("", *self.parts(i))) for i, column in enumerate(self.columns)]

    @cached_property
    def texts(self) -> list[list[Text]]:
        """A list a line: name, seeds, then the parts of each column in turn."""
        shown = []
        for line in self.lines:
            texts = [Text(line.name), Text(line.counts, line.notes)]
            for i, cell in enumerate(line.cells):
                beside = cell.texts(self.groups[i][1][1:], line.baseline == line.name)
                texts += [Text(str(cell), cell.notes), *map(Text, beside)]
            shown.append(texts)
        return shown

    @property
    def numbered(self) -> list[str]:
        """The footnotes with their numbers, then the remarks."""
        return [*(f"[{i}] {text}" for i, text in enumerate(self.footnotes, start=1)), *self.remarks]


class Footnotes:
    """Numbered from 1; one that is said twice has one number."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1
