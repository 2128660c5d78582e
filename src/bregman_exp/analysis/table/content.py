"""A table as a frame of cells, and as the texts that every format shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from bregman_exp.analysis.formats import ABSENT, percent, points, points_interval
from bregman_exp.analysis.names import Facts
from bregman_exp.analysis.published import ARTICLE, SOURCES

CELLS = (
    *("data", "fingerprint", "row", "baseline"),
    *("model", "act", "version", "weights", "row_hash", "epochs", "seeds", "missing", "failed"),
    *("id", "heading", "attack", "norm", "eps", "n", "steps", "restarts", "rel_step", "loss", "code"),
    *("mean", "std", "n_seeds", "values", "marks"),
    *("published_mean", "published_std", "published_source"),
    *("difference", "ci95_low", "ci95_high", "interval", "difference_marks"),
)
PUBLISHED, MEASURED, DIFFERENCE = "published", "measured with bregmanet", "difference"
PARTS = ("", PUBLISHED, MEASURED, DIFFERENCE)  # of a column: "" is the accuracy


class Text(NamedTuple):
    """A cell's text and the numbers of its footnotes."""

    text: str
    notes: Sequence[int] = ()

    def __str__(self) -> str:
        return self.text + (f" [{', '.join(map(str, self.notes))}]" if self.notes else "")


@dataclass(frozen=True)
class Table:
    """``rows``: of each row the cells of its columns, with ``CELLS``, and as ``notes`` and ``row_notes`` the
    numbers of the footnotes of the cell and of its row. Accuracies, deviations, differences and their ends
    are fractions, also the published ones; ε in [0, 1]. ``values``: accuracy by seed, "0:0.98 1:0.97";
    ``seeds``, ``missing`` and ``failed``: of the row; ``n_seeds``: those with a figure in the column;
    ``interval``: Welch, paired, or nothing.

    ``footnotes``: by number, from 1; ``remarks``: about the whole table.
    """

    caption: str
    rows: Sequence[Sequence[Facts]]
    footnotes: Sequence[str]
    remarks: Sequence[str]

    @cached_property
    def groups(self) -> list[tuple[str, list[str]]]:
        """Of each column the heading and those of ``PARTS`` that any row has."""
        return [
            (cells[0]["heading"], [part for part in PARTS if any(part in _texts(cell) for cell in cells)])
            for cells in zip(*self.rows, strict=True)
        ]

    @cached_property
    def texts(self) -> list[list[Text]]:
        """A list for each row: name, seeds, then the parts of each column in turn."""
        lines = []
        for row in self.rows:
            lines.append([Text(row[0]["row"]), Text(_counts(row[0]), row[0]["row_notes"])])
            for cell, (_, parts) in zip(row, self.groups, strict=True):
                texts = _texts(cell)
                lines[-1] += [texts.get(part) or Text(_absent(cell, part)) for part in parts]
        return lines

    @property
    def numbered(self) -> list[str]:
        """The footnotes with their numbers, then the remarks."""
        return [*(f"[{i}] {text}" for i, text in enumerate(self.footnotes, start=1)), *self.remarks]


def _counts(cell: Facts) -> str:
    """How many seeds are complete, e.g. "5", "3 of 5", "3 of 5, 1 failed"."""
    n, missing, failed = (len(cell[name]) for name in ("seeds", "missing", "failed"))
    return f"{n}" + (f" of {n + missing}" if missing else "") + (f", {failed} failed" if failed else "")


def _accuracy(cell: Facts) -> str:
    """In percent: "90.82 ± 0.12 (n=4) UNRELIABLE"; n where the row has more seeds."""
    if cell["mean"] is None:
        return cell["marks"] or ABSENT
    fewer = f" (n={cell['n_seeds']})" if cell["n_seeds"] < len(cell["seeds"]) else ""
    return f"{percent(cell['mean'], cell['std'])}{fewer} {cell['marks']}".rstrip()


def _texts(cell: Facts) -> dict[str, Text]:
    """By part, without those that the cell does not have."""
    texts = {"": Text(_accuracy(cell), cell["notes"])}
    if cell["published_mean"] is not None:
        part = PUBLISHED if cell["published_source"] == SOURCES[ARTICLE] else MEASURED
        texts[part] = Text(percent(cell["published_mean"], cell["published_std"]))
    if cell["difference"] is not None:  # e.g. "+0.02 [-0.30, +0.34] UNRELIABLE", in points
        interval = points_interval((cell["ci95_low"], cell["ci95_high"])) if cell["interval"] else ""
        texts[DIFFERENCE] = Text(
            " ".join(filter(None, (points(cell["difference"]), interval, cell["difference_marks"])))
        )
    return texts


def _absent(cell: Facts, part: str) -> str:
    return "baseline" if part == DIFFERENCE and cell["baseline"] == cell["row"] else ABSENT
