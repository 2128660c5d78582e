"""How far a sweep is: lines after each job, the table at the end; also where jobs run in parallel."""

import logging
import os
import sys
import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from math import prod
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from bregman_exp.cli.journal import Journal
from bregman_exp.cli.sweep_table import TableSoFar, print_result
from bregman_exp.cli.time_limit import TimeLimit

# what the name of a row says
IN_ROW_NAME = ("model", "act", "row", "run", "seed", "seeds", "model.depth", "model.widths", "model.init")
FIGURES = "bregman_exp.figures"  # the logger of what an evaluation says
CLOCK = time.time  # the same for all processes, also of other machines


class Outcome(StrEnum):
    """How a job ended. ``SKIPPED``: it was complete before; ``POSTPONED``: trainer.max_time was used up."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    POSTPONED = "postponed"


class SweepProgress(Callback):
    """Hydra calls it (``hydra.callbacks`` in conf/) before a command or sweep, and around each job.

    A launcher's workers have copies of it, which share a journal in ``hydra.sweep.dir``. ``table``: print
    the table so far after each job that completed a run.
    """

    current: ClassVar["SweepProgress | None"] = None  # of the command that this process works for

    def __init__(self, table: bool = False) -> None:
        self.jobs = 0  # not a sweep
        self.swept: list[str] = []  # keys
        self.seeds = 1  # of the job in progress
        self.runs = 0  # of which the job in progress has printed a line
        self.start = CLOCK()
        self.journal = Journal()
        self.table = TableSoFar() if table else None

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        SweepProgress.current = self

    def on_run_end(self, config: DictConfig, **kwargs: Any) -> None:
        self._print_result()

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        SweepProgress.current = self
        overrides = sweep_overrides(config)
        self.jobs, self.swept = number_of_jobs(overrides), swept_keys(overrides)
        folder = Path(config.hydra.sweep.dir).absolute()
        self.journal = Journal(folder / f"progress-{os.getpid()}.txt")

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        SweepProgress.current = self  # in a launcher's worker, too
        self.seeds, self.runs = 1, 0
        if self.jobs and self.table:
            self.table.job_begins(config)

    @property
    def several_runs(self) -> bool:
        """Whether the command trains or evaluates several runs: then each has a line of its own."""
        return self.jobs > 0 or self.seeds > 1

    def shows(self, record: logging.LogRecord) -> bool:
        """Whether the terminal shows a message, too, which run.log has: all but the figures of several runs.

        Of the jobs of a sweep it shows warnings alone.
        """
        of_several_runs = self.seeds > 1 and record.name == FIGURES
        return record.levelno >= logging.WARNING or not (self.jobs or of_several_runs)

    def print_run(self, folder: Path, row: str, seed: int, overrides: Sequence[str], figures: str) -> None:
        """E.g. "mlp (atan), depth 3, random start, optim.lr=0.1, seed 0: 98.00 % clean, …"."""
        self.runs += 1
        self.journal.add(run=str(folder))
        apart = [override for override in self._swept(overrides) if _key(override) not in IN_ROW_NAME]
        print(f"{', '.join([row, *apart])}, seed {seed}: {figures}", file=sys.stderr)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        failed = job_return.status == JobStatus.FAILED
        outcome = Outcome.FAILED if failed else Outcome(job_return.return_value)
        self.journal.add(outcome=outcome)
        if not self.jobs:
            return
        if outcome is Outcome.FAILED and not self.runs:  # before it had runs
            print(f"{', '.join(self._swept(config.hydra.overrides.task))}: failed", file=sys.stderr)
        outcomes = self.outcomes()
        if self.table and len(outcomes) < self.jobs:  # the final one comes with the sweep's end
            self.table.job_ended(config)
        print(progress(outcomes, self.jobs, CLOCK() - self.start), file=sys.stderr)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        self._print_result()

    def _print_result(self) -> None:
        runs = [Path(run) for run in dict.fromkeys(self.journal.entries("run"))]
        if runs:
            print_result(runs)

    def _swept(self, overrides: Iterable[str]) -> list[str]:
        plain = [override.lstrip("+") for override in overrides]
        return [override for override in plain if _key(override) in self.swept]

    def outcomes(self) -> list[Outcome]:
        """Of the jobs that have ended, in all processes."""
        return [Outcome(value) for value in self.journal.entries("outcome")]


def time_limit(text: str | None) -> TimeLimit:
    """The limit that ``trainer.max_time`` sets, counted from the start of the command or sweep."""
    sweep = SweepProgress.current or SweepProgress()
    return TimeLimit(text, sweep.start, CLOCK, sweep.journal)


def outcomes_at_the_end() -> list[Outcome]:
    """Of all jobs of the command, which has ended; the journal is removed."""
    sweep, SweepProgress.current = SweepProgress.current, None
    if sweep is None:
        return []
    outcomes = sweep.outcomes()
    sweep.journal.remove()
    return outcomes


def sweep_overrides(config: DictConfig) -> list[str]:
    """The overrides of a sweep: those of the preset, then those of the command line."""
    preset = config.hydra.sweeper.get("params") or {}
    return [*(f"{key}={value}" for key, value in preset.items()), *config.hydra.overrides.task]


def number_of_jobs(overrides: list[str]) -> int:
    """The size of the Cartesian product. The last override of a key counts, as in Hydra."""
    sizes: dict[str, int] = {}
    for override in OverridesParser.create().parse_overrides(overrides):
        swept = override.is_sweep_override()
        sizes[override.get_key_element()] = len(list(override.sweep_string_iterator())) if swept else 1
    return prod(sizes.values())


def swept_keys(overrides: list[str]) -> list[str]:
    """The keys with several values; the last override of a key counts."""
    parsed = OverridesParser.create().parse_overrides(overrides)
    swept = {override.get_key_element().lstrip("+"): override.is_sweep_override() for override in parsed}
    return [key for key, several in swept.items() if several]


def progress(outcomes: Iterable[Outcome], jobs: int, seconds: float) -> str:
    """E.g. "sweep: 13 of 60 jobs done, 1 of them skipped as complete, 1 failed; about 25 min left".

    The estimate for each remaining job is the mean over those not skipped in the ``seconds`` so far.
    """
    ended = list(outcomes)
    kinds = (Outcome.SKIPPED, Outcome.FAILED, Outcome.POSTPONED)
    skipped, failed, postponed = (ended.count(kind) for kind in kinds)
    counts = [f"{len(ended) - failed - postponed} of {jobs} jobs done"]
    counts += [f"{skipped} of them skipped as complete"] if skipped else []
    counts += [f"{failed} failed"] if failed else []
    counts += [f"{postponed} left for later"] if postponed else []
    worked, remaining = len(ended) - skipped - postponed, jobs - len(ended)
    sentence = f"sweep: {', '.join(counts)}"
    if worked and remaining and not postponed:
        sentence += f"; about {_duration(seconds / worked * remaining)} left"
    return sentence


def _key(override: str) -> str:
    return override.partition("=")[0]


def _duration(seconds: float) -> str:
    """E.g. "40 s", "25 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
