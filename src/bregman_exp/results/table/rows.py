"""Rows: the runs that differ only in their seed."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from bregman_exp.results.marks import marks
from bregman_exp.results.run_folder import RunFolder
from bregman_exp.results.stored_config import StoredConfig
from bregman_exp.results.table.content import Cell
from bregman_exp.results.table.settings import Record
from bregman_exp.results.table.trained_run import Figure, Measure, TrainedRun, trained_run


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

    @property
    def robust(self) -> dict[tuple[str, int], Cell]:
        """By settings and number of samples."""
        kinds: dict[tuple[str, int], set[Measure]] = {}
        for measure in (measure for run in self.runs for measure in run.figures):
            if measure.id != "clean":
                kinds.setdefault((measure.settings, measure.n), set()).add(measure)
        return {kind: self.cell(measures) for kind, measures in kinds.items()}


def rows_of(metrics: Iterable[Record]) -> list[Row]:
    """Groups the records of complete runs into rows, sorted by name; those of other sample counts apart."""
    nowhere = RunFolder(Path())
    runs = [run for record in metrics if (run := trained_run([(nowhere, record)], {}))]
    sizes = sorted({run.record["clean"]["n"] for run in runs})
    return [row for n in sizes for row in grouped([run for run in runs if run.record["clean"]["n"] == n])]


def grouped(runs: Sequence[TrainedRun]) -> list[Row]:
    """The rows of these runs, sorted by model, act and hash; a seed that is there twice counts once."""
    groups: dict[tuple[str, ...], dict[int, TrainedRun]] = {}
    for run in runs:
        groups.setdefault(run.row, {}).setdefault(run.seed, run)
    return [Row(tuple(by_seed[seed] for seed in sorted(by_seed))) for _, by_seed in sorted(groups.items())]
