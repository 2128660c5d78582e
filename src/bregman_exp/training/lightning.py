"""How Lightning is used here: without warnings that do not apply, in processes that end with their parent."""

import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager

import pytorch_lightning as pl

from bregman_exp.processes import end_with_parent

NOT_APPLICABLE = (
    "The number of training batches",  # fewer than the logging interval: figures are logged once an epoch
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",  # between Lightning and torch
    r"`LightningModule.configure_optimizers` returned `None`",  # networks side by side have their own
    "This instance was constructed with capturable=True",  # the capture comes later
    "The `srun` command is available",  # under SLURM a run is a process like any other
    "GPU available but not used",  # trainer=cpu was asked for
    "Checkpoint directory .* exists and is not empty",  # a resumed run
    r"The '\w+_dataloader' does not have many workers",  # batches are made on the device
)


@contextmanager
def without_advice() -> Generator[None]:
    """Hides the warnings of Lightning that do not apply here; all others are shown."""
    with warnings.catch_warnings():
        for message in NOT_APPLICABLE:
            warnings.filterwarnings("ignore", message)
        yield


class EndWithParent(pl.Callback):
    """Ends the processes that ddp_spawn starts together with the process that created this callback.

    That process holds the run's lock. If it is killed, they would otherwise train on beside the next process
    that takes the lock.
    """

    def __init__(self) -> None:
        self.parent = os.getpid()

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if os.getpid() != self.parent:
            end_with_parent(self.parent)
