"""The Lightning module that trains a stack of networks."""

import time
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch.nn.functional as F
from torch import Tensor, nn

from bregman_exp.training.descent import Descent, mend_step_count
from bregman_exp.training.epoch_lines import EpochLines
from bregman_exp.training.epochs import Batch, Chunk, batches_in
from bregman_exp.training.form import PLAIN
from bregman_exp.training.non_finite import LossWatch, OnFailure
from bregman_exp.training.objective import Loss
from bregman_exp.training.optimizer import Optim
from bregman_exp.training.seed_group import STACK, SeedGroup
from bregman_exp.training.stack.best import BestWeights
from bregman_exp.training.stack.networks import Stack, take_rows
from bregman_exp.training.stack.sums import StackSums


class StackedClassifier(pl.LightningModule):
    """Trains S networks at once, each as a ``Classifier`` alone would, to rounding.

    A step descends the sum of the networks' own mean losses. Optimizers and proximal step work
    elementwise, so networks are independent, also of one whose loss is not finite: that network is reported
    to ``on_failure`` (row, error) and no longer counts in logged means. The last failure ends the training.

    ``seeds`` name the networks in a checkpoint, from which any subset can go on. ``curves`` has the
    metrics.csv of each. Seconds are each network's share: those of the stack divided by S.

    Shapes: batches x (S, N, …), y (S, N).
    """

    def __init__(
        self,
        models: Sequence[nn.Module],
        optim: Optim,
        seeds: Sequence[int],
        curves: Sequence[EpochLines],
        on_failure: OnFailure,
        loss: Loss = F.cross_entropy,
    ):
        super().__init__()
        self.automatic_optimization = False
        self.model, self.choice, self.loss = Stack(models), PLAIN, loss
        self.descent = Descent(self.model, optim)
        self.group = SeedGroup(seeds, curves, on_failure)
        self.watch = LossWatch(self.group.fail)
        self.sums = {"train": StackSums(), "val": StackSums()}
        self.best = BestWeights()
        self._epoch_start = 0.0
        self._figures: dict[str, list[float]] = {}  # of the epoch: name -> a value for each network

    @property
    def alive(self) -> list[int]:
        """The rows whose loss has always been finite."""
        return self.group.alive

    def configure_optimizers(self) -> Any:
        return self.descent.configure(self.trainer)

    def training_step(self, batch: Batch | Chunk, batch_idx: int) -> dict[str, Any]:
        batches = batches_in(batch)
        losses = [self._update(*each) for each in batches]
        return {"loss": losses[-1], "samples": sum(y.numel() for _, y in batches)}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._losses("val", *batch)

    def _update(self, x: Tensor, y: Tensor) -> Tensor:
        """One step of the optimizer and its schedule; the losses (S,) before it."""
        losses = self._losses("train", x, y)
        self.watch.see(losses.detach(), self.current_epoch, self.global_step)
        self.descent.step(self, [losses.sum()])  # its gradient is, for each network, that of its own loss
        return losses.detach()

    def _losses(self, stage: str, x: Tensor, y: Tensor) -> Tensor:
        """The mean losses (S,)."""
        logits = self.model(x)  # (S, N, K)
        each = self.loss(logits.flatten(0, 1), y.flatten(), reduction="none")
        losses = each.view(y.shape).mean(1)
        self.sums[stage].see(losses, logits, y)
        return losses

    def _log_means(self, stage: str) -> None:
        losses, accuracies = self.sums[stage].means()
        self._figures[f"{stage}/loss"], self._figures[f"{stage}/accuracy"] = losses, accuracies
        alive = self.alive
        self.log(f"{stage}/accuracy", sum(accuracies[row] for row in alive) / len(alive))

    def on_train_epoch_start(self) -> None:
        self.sums["train"] = StackSums()
        self._epoch_start = time.perf_counter()
        self._epoch_rate = self.descent.rate(self.trainer)

    def on_validation_epoch_start(self) -> None:
        self.watch.check()  # before the mean over the networks alive is logged, after validation
        self.sums["val"] = StackSums()

    def on_validation_epoch_end(self) -> None:
        self._log_means("val")

    def on_train_epoch_end(self) -> None:
        self._log_means("train")
        seconds = time.perf_counter() - self._epoch_start
        share = self.group.end_epoch(self.current_epoch, self.global_step, seconds)
        self.best.see(self.model.template.state_dict(), self._figures["val/accuracy"], self.group.done)
        step = self.global_step - 1  # the last, counted from 0
        common = {"epoch": self.current_epoch, "step": step, "lr": self._epoch_rate, "seconds": share}
        for row in self.alive:
            figures = {name: values[row] for name, values in self._figures.items()}
            self.group.curves[row].add(common | figures)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["train_seconds"] = self.group.seconds
        checkpoint.update(self.choice.record)
        checkpoint[STACK] = self.group.content() | {"best": self.best.content()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes over this group's networks from a checkpoint that may have more."""
        stored = checkpoint[STACK]
        rows = self.group.rows_in(stored)
        for key in ("state_dict", "optimizer_states"):
            checkpoint[key] = take_rows(checkpoint[key], rows)
        mend_step_count(checkpoint)
        self.best.load(stored["best"], rows)
        self.group.load(stored, checkpoint["train_seconds"])

    def checkpoints(self, row: int) -> dict[str, dict[str, Any]]:
        """A network's own checkpoints "best" and "last", as it would have trained alone."""
        weights, done = self.best.of(row)
        last = take_rows(self.model.template.state_dict(), row)
        return self.group.checkpoints(row, (_on_cpu(weights), done), _on_cpu(last))


def _on_cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.cpu().clone() for name, value in state.items()}
