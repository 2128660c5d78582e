"""How far a sweep is: a line after each job, also where a launcher runs several at once."""

import os
import sys
import time
from collections.abc import Iterable
from enum import StrEnum
from math import prod
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from bregman_exp.cli.journal import Journal
from bregman_exp.cli.table_so_far import TableSoFar
from bregman_exp.cli.time_limit import TimeLimit

CLOCK = time.time  # of all processes, on whatever machine


class Outcome(StrEnum):
    """What became of a job; ``SKIPPED``: all of it was there already; ``LEFT``: its time was up."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    LEFT = "left"


class SweepProgress(Callback):
    """Hydra calls it (``hydra.callbacks`` in conf/): before a command or sweep, and around each job.

    A launcher's workers have copies of it, so what jobs tell one another are lines of a file in
    ``hydra.sweep.dir``. ``table``: the table so far is printed after a job that completed a run.
    """

    current: ClassVar["SweepProgress | None"] = None  # of the command that this process works for

    def __init__(self, table: bool = False) -> None:
        self.jobs = 0  # not a sweep
        self.start = CLOCK()
        self.journal = Journal()
        self.table = TableSoFar() if table else None

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        SweepProgress.current = self

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        SweepProgress.current = self
        hydra = config.hydra
        given = [f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()]
        self.jobs = number_of_jobs([*given, *hydra.overrides.task])
        self.journal = Journal(Path(hydra.sweep.dir).absolute() / f"progress-{os.getpid()}.txt")

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        SweepProgress.current = self  # in a launcher's worker, too
        if self.jobs and self.table:
            self.table.job_begins(config)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        failed = job_return.status == JobStatus.FAILED
        self.journal.add(outcome=Outcome.FAILED if failed else job_return.return_value)
        if not self.jobs:
            return
        outcomes = self.outcomes()
        if self.table and len(outcomes) < self.jobs:  # whoever started the sweep may ask for the last
            self.table.job_ended(config)
        print(progress(outcomes, self.jobs, CLOCK() - self.start), file=sys.stderr)

    def outcomes(self) -> list[Outcome]:
        """Those of the jobs that have ended, in whichever process."""
        return [Outcome(word) for word in self.journal.entries("outcome")]


def time_limit(text: str | None) -> TimeLimit:
    """The limit that ``trainer.max_time`` sets, counted from the start of the command or sweep."""
    sweep = SweepProgress.current or SweepProgress()
    return TimeLimit(text, sweep.start, CLOCK, sweep.journal)


def outcomes_at_the_end() -> list[Outcome]:
    """Those of all jobs of the command, which is over now."""
    sweep, SweepProgress.current = SweepProgress.current, None
    if sweep is None:
        return []
    outcomes = sweep.outcomes()
    sweep.journal.remove()
    return outcomes


def number_of_jobs(overrides: list[str]) -> int:
    """Of the product of all sweeps; of a key that is there twice the last counts, as for Hydra."""
    values: dict[str, int] = {}
    for override in OverridesParser.create().parse_overrides(overrides):
        swept = override.is_sweep_override()
        values[override.get_key_element()] = len(list(override.sweep_string_iterator())) if swept else 1
    return prod(values.values())


def progress(outcomes: Iterable[Outcome], jobs: int, seconds: float) -> str:
    """E.g. "sweep: 13 of 60 jobs done, 1 of them skipped as complete, 1 failed; about 25 min left".

    The jobs to go take as long as those that were worked on in the ``seconds`` so far.
    """
    ended = list(outcomes)
    skipped, failed, left = (ended.count(kind) for kind in (Outcome.SKIPPED, Outcome.FAILED, Outcome.LEFT))
    told = [f"{len(ended) - failed - left} of {jobs} jobs done"]
    told += [f"{skipped} of them skipped as complete"] if skipped else []
    told += [f"{failed} failed"] if failed else []
    told += [f"{left} left for later"] if left else []
    worked, to_go = len(ended) - skipped - left, jobs - len(ended)
    ahead = f"; about {_shown(seconds / worked * to_go)} left" if worked and to_go and not left else ""
    return f"sweep: {', '.join(told)}{ahead}"


def _shown(seconds: float) -> str:
    """E.g. "40 s", "25 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
