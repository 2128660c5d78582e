"""Several processes train one network: none of them outlives the one that started them."""

import os

import pytorch_lightning as pl

from bregman_exp.processes import end_with_parent


class EndWithParent(pl.Callback):
    """Made in the process that holds the run's lock: the processes that ddp_spawn starts end with it.

    Else they would train on after it was killed, beside whoever takes the lock next.
    """

    def __init__(self) -> None:
        self.parent = os.getpid()

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if os.getpid() != self.parent:
            end_with_parent(self.parent)
