"""The Lightning module that trains any classifier."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bregman_exp.training.descent import Descent, mend_step_count
from bregman_exp.training.ema import EMA
from bregman_exp.training.epoch_lines import ROBUST_ACCURACY
from bregman_exp.training.epochs import Batch, Chunk, batches_in, parts_of
from bregman_exp.training.form import PLAIN, Choice, compute_in
from bregman_exp.training.forward import Logits
from bregman_exp.training.non_finite import LossWatch
from bregman_exp.training.objective import Loss, Objective
from bregman_exp.training.optimizer import Optim
from bregman_exp.training.sums import Sums


class Classifier(pl.LightningModule):
    """Trains a model that maps x (N, …) to logits (N, K) on the mean ``loss`` of each batch.

    A training step takes one batch (x, y), or the several of a ``Chunk``; the optimizer steps once a batch.
    Losses and correct predictions stay on the device and are read every few steps, so no step waits for it.
    Logged once an epoch: ``train/loss``, ``train/accuracy``, ``val/loss``, ``val/accuracy``, ``lr``,
    ``seconds``. With an ``objective``, its loss is minimised instead and logged as ``train/loss``, the
    accuracy that it says as ``train/accuracy``, and the share of validation samples that resist its adversary
    as ``val/robust_accuracy``.

    ``forward`` computes the logits where the model's own forward pass does not (a compiled form of it);
    ``choice`` is what the checkpoint records of that form. ``clip`` and ``ema`` are those of ``Descent``.
    Raises ValueError where ``optim.l1`` > 0 and the model has no ``hidden_weights()`` that can be set.
    """

    def __init__(
        self,
        model: nn.Module,
        optim: Optim,
        forward: Logits | None = None,
        choice: Choice = PLAIN,
        clip: float | None = None,
        ema: float | None = None,
        objective: Objective | None = None,
        loss: Loss = F.cross_entropy,
    ):
        super().__init__()
        self.automatic_optimization = False
        self.model, self.descent = model, Descent(model, optim, clip, ema)
        self.fast, self.choice, self.objective, self.loss = forward, choice, objective, loss
        self.sums = {"train": Sums(), "val": Sums()}
        self.watch = LossWatch()
        self.seconds = 0.0  # spent in finished training epochs, also before a resume
        self._epoch_start = 0.0

    def setup(self, stage: str) -> None:
        compute_in(self.choice.form)  # a spawned process begins with torch's defaults

    def configure_optimizers(self) -> Any:
        return self.descent.configure(self.trainer)

    def training_step(self, batch: Batch | Chunk, batch_idx: int) -> dict[str, Any]:
        steps = [parts_of(each) for each in batches_in(batch)]
        losses = [self._update(each) for each in steps]
        return {"loss": losses[-1], "samples": sum(len(y) for each in steps for _, y in each)}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._loss("val", *batch)
        if self.objective is not None:
            self._resist(self.objective, *batch)

    def _resist(self, objective: Objective, x: Tensor, y: Tensor) -> None:
        """Counts the validation samples that resist. Their ids are their places in the whole split."""
        place = torch.arange(self._validated, self._validated + len(y))
        ids = self.global_rank + self.trainer.world_size * place
        self._resisted.append(objective.still_right(self.model, x, y, ids).sum())
        self._validated += len(y)

    def _update(self, batches: Sequence[Batch]) -> Tensor:
        """One step of the optimizer and its schedule on the mean over all samples; the loss before it."""
        n, seen = sum(len(y) for _, y in batches), list[Tensor]()

        def losses() -> Iterator[Tensor]:
            for part, (x, y) in enumerate(batches):
                loss = self._training_loss(x, y, part)
                self.watch.see(loss.detach(), self.current_epoch, self.global_step)
                seen.append(loss.detach())
                yield loss if len(y) == n else loss * (len(y) / n)

        self.descent.step(self, losses())
        return seen[-1]

    def _training_loss(self, x: Tensor, y: Tensor, part: int) -> Tensor:
        if self.objective is None:
            return self._loss("train", x, y)
        place = (self.current_epoch, self.global_step, part, self.global_rank)
        loss, logits = self.objective.loss(self.model, x, y, place)
        self.sums["train"].see(loss, logits, y)
        return loss

    def _loss(self, stage: str, x: Tensor, y: Tensor) -> Tensor:
        logits = (self.fast or self.model)(x)
        loss = self.loss(logits, y)
        self.sums[stage].see(loss, logits, y)
        return loss

    def _log_means(self, stage: str) -> None:
        loss, accuracy = self.sums[stage].means()
        figures = {f"{stage}/loss": loss, f"{stage}/accuracy": accuracy}
        # Lightning would log the number of the chunk; "step" is the last optimizer step, counted from 0
        place = {"epoch": float(self.current_epoch), "step": float(self.global_step - 1)}
        self.log_dict({**figures, **place}, sync_dist=True)

    def on_train_epoch_start(self) -> None:
        self.sums["train"] = Sums()
        self._epoch_start = time.perf_counter()
        self._epoch_rate = self.descent.rate(self.trainer)

    def on_validation_epoch_start(self) -> None:
        self.sums["val"] = Sums()
        self._validated, self._resisted = 0, list[Tensor]()
        if self.trainer.world_size > 1:
            # batch statistics differ between processes; rank 0 saves its own, so all validate those
            for buffer in self.model.buffers():
                torch.distributed.broadcast(buffer, src=0)

    def on_validation_epoch_end(self) -> None:
        self._log_means("val")
        if self.objective is not None:
            resisting = int(torch.stack(self._resisted).sum())
            self.log(ROBUST_ACCURACY, resisting / self._validated, sync_dist=True)

    def on_train_epoch_end(self) -> None:
        self.watch.check()
        self._log_means("train")
        seconds = time.perf_counter() - self._epoch_start
        self.seconds += seconds
        self.log_dict({"lr": self._epoch_rate, "seconds": seconds}, rank_zero_only=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["train_seconds"] = self.seconds
        checkpoint.update(self.choice.record)
        if self.descent.ema is not None:
            checkpoint[EMA] = self.descent.ema.content()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.seconds = checkpoint["train_seconds"]
        mend_step_count(checkpoint)
        if self.descent.ema is not None:
            self.descent.ema.load(checkpoint[EMA])
