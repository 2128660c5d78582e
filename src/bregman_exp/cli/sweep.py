"""How far a sweep is: a line after each job, also where a launcher runs several at once."""

import os
import sys
import time
from collections.abc import Iterable
from enum import StrEnum
from math import prod
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class Outcome(StrEnum):
    """What became of a job; ``SKIPPED``: all of it was there already."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class SweepProgress(Callback):
    """Hydra calls it (``hydra.callbacks`` in conf/): before a sweep, and after each job.

    A launcher's workers have copies of it, so the outcomes are lines of a file in ``hydra.sweep.dir``.
    """

    def __init__(self) -> None:
        self.jobs = 0  # not a sweep

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        hydra = config.hydra
        given = [f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()]
        self.jobs = number_of_jobs([*given, *hydra.overrides.task])
        self.start = time.time()
        self.outcomes = Path(hydra.sweep.dir).absolute() / f"progress-{os.getpid()}.txt"
        self.outcomes.parent.mkdir(parents=True, exist_ok=True)
        self.outcomes.write_text("")

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        if not self.jobs:
            return
        failed = job_return.status == JobStatus.FAILED
        outcome = Outcome.FAILED if failed else job_return.return_value
        with self.outcomes.open("a") as file:  # one short write, which no other process divides
            file.write(f"{outcome}\n")
        outcomes = [Outcome(line) for line in self.outcomes.read_text().split()]
        if len(outcomes) == self.jobs:
            self.outcomes.unlink(missing_ok=True)
        print(progress(outcomes, self.jobs, time.time() - self.start), file=sys.stderr)


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
    skipped, failed = ended.count(Outcome.SKIPPED), ended.count(Outcome.FAILED)
    told = [f"{len(ended) - failed} of {jobs} jobs done"]
    told += [f"{skipped} of them skipped as complete"] if skipped else []
    told += [f"{failed} failed"] if failed else []
    worked, to_go = len(ended) - skipped, jobs - len(ended)
    left = f"; about {_shown(seconds / worked * to_go)} left" if worked and to_go else ""
    return f"sweep: {', '.join(told)}{left}"


def _shown(seconds: float) -> str:
    """E.g. "40 s", "25 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
