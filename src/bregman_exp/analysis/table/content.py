"""A table as a frame of cells, and as the texts that every format shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from bregman_exp.analysis.formats import ABSENT, percent, points, points_interval
from bregman_exp.analysis.names import Facts, Frame
from bregman_exp.analysis.published import ARTICLE, SOURCES

OF_ROW = ["model", "act", "version", "weights", "row_hash", "epochs", "seeds", "missing", "failed"]
OF_COLUMN = ["id", "heading", "attack", "norm", "eps", "n", "steps", "restarts", "rel_step", "loss", "code"]
CELLS = [
    *("data", "fingerprint", "row", "baseline"), *OF_ROW, *OF_COLUMN,
    *("mean", "std", "n_seeds", "values", "marks"),
    *("published_mean", "published_std", "published_source"),
    *("difference", "ci95_low", "ci95_high", "interval", "difference_marks"),
]  # fmt: skip
NOTES = ["notes", "row_notes"]  # numbers of the footnotes of a cell, and of those of its row
PLACE = ["line", "column"]
PUBLISHED, MEASURED, DIFFERENCE = "published", "measured with bregmanet", "difference"


class Text(NamedTuple):
    """A cell's text and the numbers of its footnotes."""

    text: str
    notes: Sequence[int] = ()

    def __str__(self) -> str:
        return self.text + (f" [{', '.join(map(str, self.notes))}]" if self.notes else "")


@dataclass(frozen=True)
class Table:
    """``cells``: a line for each row and column of the table, in this order, with ``CELLS``, ``NOTES`` and
    ``PLACE``. Accuracies, deviations, differences and their ends are fractions, also the published ones; ε in
    [0, 1]. ``values``: accuracy by seed, "0:0.98 1:0.97"; ``seeds``, ``missing`` and ``failed``: of the row;
    ``n_seeds``: those with a figure in the column; ``interval``: Welch, paired, or nothing.

    ``footnotes``: by number, from 1; ``remarks``: about the whole table.
    """

    caption: str
    cells: Frame
    footnotes: Sequence[str]
    remarks: Sequence[str]

    @property
    def baseline(self) -> str:
        """The row that all rows are compared with, by name, or ""."""
        names = set(self.cells["baseline"]) - {""}
        return names.pop() if len(names) == 1 else ""

    @cached_property
    def groups(self) -> list[tuple[str, tuple[str, ...]]]:
        """Of each column the heading, and its parts: "" for the accuracy, then those that any row has."""
        is_published = self.cells["published_source"] == SOURCES[ARTICLE]
        figures = self.cells.assign(
            published=self.cells["published_mean"].where(is_published),
            measured=self.cells["published_mean"].where(~is_published),
        )
        parts = {"published": PUBLISHED, "measured": MEASURED, "difference": DIFFERENCE}
        counts = figures.groupby(["column", "heading"])[list(parts)].count().rename(columns=parts)
        return [
            (heading, ("", *(part for part in counts if of_column[part] > 0)))
            for (_, heading), of_column in counts.iterrows()
        ]

    @cached_property
    def texts(self) -> list[list[Text]]:
        """A list for each row: name, seeds, then the parts of each column in turn."""
        lines = []
        for _, row in self.cells.groupby("line"):
            cells = row.to_dict("records")
            lines.append([Text(cells[0]["row"]), Text(_counts(cells[0]), cells[0]["row_notes"])])
            for cell, (_, parts) in zip(cells, self.groups, strict=True):
                of_article = cell["published_source"] == SOURCES[ARTICLE]
                beside = Text(percent(cell["published_mean"], cell["published_std"]))
                texts = {
                    "": Text(_accuracy(cell), cell["notes"]),
                    PUBLISHED: beside if of_article else Text(ABSENT),
                    MEASURED: Text(ABSENT) if of_article else beside,
                    DIFFERENCE: Text(_difference(cell)),
                }
                lines[-1] += [texts[part] for part in parts]
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


def _difference(cell: Facts) -> str:
    """In points, e.g. "+0.02 [-0.30, +0.34] UNRELIABLE"; "baseline" in its own row."""
    if cell["baseline"] == cell["row"]:
        return "baseline"
    if cell["difference"] is None:
        return ABSENT
    interval = points_interval((cell["ci95_low"], cell["ci95_high"])) if cell["interval"] else ""
    return " ".join(filter(None, (points(cell["difference"]), interval, cell["difference_marks"])))
