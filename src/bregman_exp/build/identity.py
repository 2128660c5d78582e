"""Which training a checkpoint is of."""

from collections.abc import Sequence
from typing import Any

from bregman_exp.build.objects import activation
from bregman_exp.config import Run, config_hash
from bregman_exp.data import ClassificationData


def training_identity(run: Run, data: ClassificationData) -> dict[str, Any]:
    """Of a run alone: what its folder is named by."""
    return identity_of(run, data.fingerprint)


def identity_of(run: Run, fingerprint: str) -> dict[str, Any]:
    """As ``training_identity``, with the data's fingerprint alone."""
    return {"config_hash": config_hash(run, activation(run).label, fingerprint), "seed": run.seed}


def stack_identity(runs: Sequence[Run], data: ClassificationData) -> dict[str, Any]:
    """Of the seeds that a command trains together, also of those that have been trained otherwise since."""
    row = config_hash(runs[0], activation(runs[0]).label, data.fingerprint, with_seed=False)
    return {"row_hash": row, "seeds": [run.seed for run in runs]}
