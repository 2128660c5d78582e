"""Lightning callbacks: metrics.csv is kept in the checkpoint, and training ends within its time limit."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from bregman_exp.training.budget import Budget, Pace
from bregman_exp.training.epoch_lines import LINES, EpochLines, text_in


class KeepLines(Checkpoint):
    """Adds a line at an epoch's end, before the checkpoint that holds it is written."""

    def __init__(self, lines: EpochLines):
        self.lines = lines

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        figures = {
            name: float(value) for name, value in trainer.callback_metrics.items()
        }  # means over all processes
        if trainer.is_global_zero:
            place = {
                "epoch": trainer.current_epoch,
                "step": trainer.global_step - 1,
            }  # the last, counted from 0
            self.lines.add(figures | place)

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        checkpoint[LINES] = self.lines.content()

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        self.lines.load(text_in(checkpoint))


class StopInTime(pl.Callback):
    """Ends training at the end of an epoch where the next one would not fit into the budget.

    Lightning's Timer stops only once the time is over. The epoch's checkpoint is written as usual and does
    not say that training has ended: a later call goes on from it.
    """

    def __init__(self, budget: Budget):
        self.budget = budget
        self.pace = Pace(budget.clock)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.pace.begin()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.pace.epoch_ended()
        if trainer.should_stop or trainer.current_epoch + 1 >= (trainer.max_epochs or 0):
            return
        fits = self.budget.allows(self.pace.seconds or 0.0)
        trainer.should_stop = not trainer.strategy.broadcast(fits)  # rank 0 decides for all processes
