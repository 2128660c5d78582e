"""What the commands do, step by step."""

import os

os.environ["MPLBACKEND"] = "agg"  # pictures are written, not shown; a notebook's backend may not be installed

from bregman_exp.cli.command import Job, command
from bregman_exp.config import conf_dir as conf_dir


def train() -> None:
    """python train.py model=… act=… dataset=… attack=…"""
    command("train", _train_job)


def evaluate() -> None:
    """python evaluate.py run=… attack=…"""
    command("evaluate", _evaluate_job)


def _train_job() -> Job:
    from bregman_exp.cli.train_job import train_job  # loads Lightning, which takes seconds

    return train_job


def _evaluate_job() -> Job:
    from bregman_exp.cli.evaluate_job import evaluate_job

    return evaluate_job
