"""What the commands do, step by step. They are imported when they are called: torch takes seconds."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bregman_exp.cli.command import Job

os.environ["MPLBACKEND"] = "agg"  # pictures are written, not shown; a notebook's backend may not be installed


def train() -> None:
    """python train.py model=… act=… dataset=… attack=…"""
    _run("train", _train_job)


def evaluate() -> None:
    """python evaluate.py run=… attack=…"""
    _run("evaluate", _evaluate_job)


def _run(name: str, load_job: "Callable[[], Job]") -> None:
    try:
        from bregman_exp.cli.command import command
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    command(name, load_job)


def _train_job() -> "Job":
    from bregman_exp.cli.train_job import train_job  # loads Lightning, too

    return train_job


def _evaluate_job() -> "Job":
    from bregman_exp.cli.evaluate_job import evaluate_job

    return evaluate_job
