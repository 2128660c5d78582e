"""Rows: the runs that differ only in their seed."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from bregman_exp.results.marks import marks
from bregman_exp.results.stored_config import StoredConfig
from bregman_exp.results.table.content import Cell
from bregman_exp.results.table.trained_run import Figure, Measure, TrainedRun


@dataclass(frozen=True)
class Row:
    """The runs of one row, by seed."""

    runs: tuple[TrainedRun, ...]

    @property
    def first(self) -> TrainedRun:
        return self.runs[0]

    @property
    def config(self) -> StoredConfig:
        return self.first.config

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.seed for run in self.runs)

    @property
    def epochs(self) -> str:
        """E.g. "500"; with early stopping perhaps "17–23"."""
        several = sorted({run.record["train"]["epochs"] for run in self.runs})
        return "–".join(map(str, dict.fromkeys((several[0], several[-1]))))

    def figures(self, measures: AbstractSet[Measure]) -> dict[int, Figure]:
        """By seed, the first of each run's figures that is of these measures."""
        there = {run.seed: [f for m, f in run.figures.items() if m in measures] for run in self.runs}
        return {seed: figures[0] for seed, figures in there.items() if figures}

    def cell(self, measures: AbstractSet[Measure]) -> Cell:
        figures = self.figures(measures)
        by_seed = {seed: f.accuracy for seed, f in figures.items() if f.accuracy is not None}
        return Cell(by_seed, len(self.runs), marks(figure.verdict for figure in figures.values()))

    @property
    def clean(self) -> Cell:
        return self.cell({next(m for m in run.figures if m.id == "clean") for run in self.runs})


def grouped(runs: Sequence[TrainedRun]) -> list[Row]:
    """The rows of these runs, sorted by model, act and hash; a seed that is there twice counts once."""
    groups: dict[tuple[str, ...], dict[int, TrainedRun]] = {}
    for run in runs:
        groups.setdefault(run.row, {}).setdefault(run.seed, run)
    return [Row(tuple(by_seed[seed] for seed in sorted(by_seed))) for _, by_seed in sorted(groups.items())]
