"""The runs of a report, row by row."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bregman_exp.results.report.formats import counted, ranges
from bregman_exp.results.report.runs import ReportedRun


@dataclass(frozen=True)
class ReportedRow:
    """The runs that differ in their seed alone."""

    name: str
    runs: tuple[ReportedRun, ...]

    @property
    def counts(self) -> str:
        """E.g. "16 runs", "16 runs, 1 failed"."""
        others = Counter(run.state for run in self.runs if run.state != "complete")
        return ", ".join([counted(len(self.runs), "run"), *(f"{n} {state}" for state, n in others.items())])

    @property
    def configs(self) -> list[tuple[str, str]]:
        """Seeds, and the config they share: several only where runs of the row differ in their attacks."""
        seeds: dict[str, list[int]] = {}
        for run in self.runs:
            if text := run.config_text:
                seeds.setdefault(text, []).append(-1 if run.seed is None else run.seed)
        return [(ranges(several), text) for text, several in seeds.items()]


def rows_of(runs: Sequence[ReportedRun]) -> list[ReportedRow]:
    """In the order of the runs."""
    names: Iterable[str] = dict.fromkeys(run.row for run in runs)
    return [ReportedRow(name, tuple(run for run in runs if run.row == name)) for name in names]
