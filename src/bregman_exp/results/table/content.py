"""A table as plain data: what stands in it, not how it looks. Accuracies are fractions."""

from dataclasses import dataclass, field
from statistics import mean, stdev

from bregman_exp.results.published import Published
from bregman_exp.results.statistics import Interval


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


@dataclass(frozen=True)
class Cell:
    """The accuracies of a row in a column, by seed; ``of``: how many seeds the row has.

    ``marked``: what must be said of the number; ``notes``: numbers of footnotes.
    """

    by_seed: dict[int, float]
    of: int
    marked: str = ""
    notes: tuple[int, ...] = ()
    published: Published | None = None
    difference: Difference | None = None

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(self.by_seed.values())

    @property
    def mean(self) -> float | None:
        return mean(self.values) if self.by_seed else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation, from two seeds on."""
        return stdev(self.values) if len(self.by_seed) > 1 else None

    def __str__(self) -> str:
        """In percent: "90.82 ± 0.12 (n=4) UNRELIABLE"; n where the row has more seeds."""
        if self.mean is None:
            return self.marked or "—"
        spread = "" if self.std is None else f" ± {100 * self.std:.2f}"
        fewer = f" (n={len(self.by_seed)})" if len(self.by_seed) < self.of else ""
        return f"{100 * self.mean:.2f}{spread}{fewer}{' ' if self.marked else ''}{self.marked}"


@dataclass(frozen=True)
class Column:
    """Clean data (id "clean") or one attack: ``settings`` is its entry's, n the samples it saw.

    ``codes``: the code versions its figures were obtained with.
    """

    id: str
    heading: str
    n: int
    codes: tuple[str, ...]
    attack: str | None = None
    norm: str | None = None
    eps: float | None = None
    settings: dict[str, object] = field(default_factory=dict)


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
    row_hash: str
    epochs: str
    seeds: tuple[int, ...]
    expected: tuple[int, ...]
    failed: tuple[int, ...]
    cells: tuple[Cell, ...]
    notes: tuple[int, ...] = ()
    baseline: str = ""


@dataclass(frozen=True)
class Table:
    """``footnotes``: by number, from 1; ``remarks``: of all of it; ``baseline``: the line
    that all are compared with, by name, or "".
    """

    caption: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    footnotes: tuple[str, ...]
    remarks: tuple[str, ...]
    baseline: str
    data: str
    fingerprint: str
