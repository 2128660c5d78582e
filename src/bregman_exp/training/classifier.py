"""The LightningModule that trains any classifier."""

import time
from collections.abc import Callable
from typing import Any, cast

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from bregman_exp.training.epochs import Chunk, steps_per_epoch
from bregman_exp.training.form import PLAIN, Choice, compute_in
from bregman_exp.training.non_finite import LossWatch
from bregman_exp.training.optimizer import Optim
from bregman_exp.training.sums import Sums

Batch = tuple[Tensor, Tensor]  # x (N, …), y (N,)
Logits = Callable[[Tensor], Tensor]  # x (N, …) -> logits (N, K)


class Classifier(pl.LightningModule):
    """Cross-entropy training of a model that maps (N, …) to logits (N, K).

    A training step takes one batch (x, y), or the several of a ``Chunk``; the optimizer steps once a batch,
    by hand. Loss and right answers stay on the device and are read every few steps, so that a step waits
    for nothing (``train/loss``, ``train/accuracy``, ``val/loss``, ``val/accuracy``, once an epoch).

    ``forward``: how the logits are computed where that is not the model's own way (a compiled form of it);
    ``choice`` is what the checkpoint says of it.
    Raises ValueError where ``optim.l1`` > 0 and the model has no ``hidden_weights()`` that can be set.
    """

    def __init__(self, model: nn.Module, optim: Optim, forward: Logits | None = None, choice: Choice = PLAIN):
        super().__init__()
        self.automatic_optimization = False
        self.model, self.optim = model, optim
        self.fast, self.choice = forward, choice
        self.hidden_weights = _hidden_weights(model, optim.l1)
        self.sums = {"train": Sums(), "val": Sums()}
        self.watch = LossWatch()
        self.seconds = 0.0  # spent in finished training epochs, also before a resume
        self._epoch_start = 0.0

    def setup(self, stage: str) -> None:
        compute_in(self.choice.form)  # also in a process of its own, which begins with torch's defaults

    def training_step(self, batch: Batch | Chunk, batch_idx: int) -> dict[str, Any]:
        batches = batch if isinstance(batch, Chunk) else [batch]
        losses = [self._update(*each) for each in batches]
        return {"loss": losses[-1], "samples": sum(len(y) for _, y in batches)}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._loss("val", *batch)

    def _update(self, x: Tensor, y: Tensor) -> Tensor:
        """One step of the optimizer and its schedule; the loss before it."""
        loss = self._loss("train", x, y)
        self.watch.see(loss.detach(), self.current_epoch, self.global_step)
        optimizer = cast(LightningOptimizer, self.optimizers())
        schedule = cast("LRScheduler | None", self.lr_schedulers())
        optimizer.zero_grad()
        # the backward pass computes in the types of the forward pass, whose autocast is still on
        with torch.autocast(self.device.type, enabled=False):
            self.manual_backward(loss)
        optimizer.step()
        if self.hidden_weights:
            self._shrink_hidden_weights()
        if schedule is not None:
            schedule.step()
        return loss.detach()

    def _loss(self, stage: str, x: Tensor, y: Tensor) -> Tensor:
        logits = (self.fast or self.model)(x)
        loss = F.cross_entropy(logits, y)
        self.sums[stage].see(loss, logits, y)
        return loss

    def _log_means(self, stage: str) -> None:
        loss, accuracy = self.sums[stage].means()
        figures = {f"{stage}/loss": loss, f"{stage}/accuracy": accuracy}
        # the last step, counted from 0, is told, since Lightning counts chunks
        place = {"epoch": float(self.current_epoch), "step": float(self.global_step - 1)}
        self.log_dict({**figures, **place}, sync_dist=True)

    def on_train_epoch_start(self) -> None:
        self.sums["train"] = Sums()
        self._epoch_start = time.perf_counter()
        self._epoch_lr = self.trainer.optimizers[0].param_groups[0]["lr"]

    def on_validation_epoch_start(self) -> None:
        self.sums["val"] = Sums()
        if self.trainer.world_size > 1:
            # every process validates the network that is saved: batch statistics are each one's own
            for buffer in self.model.buffers():
                torch.distributed.broadcast(buffer, src=0)

    def on_validation_epoch_end(self) -> None:
        self._log_means("val")

    def on_train_epoch_end(self) -> None:
        self.watch.check()
        self._log_means("train")
        seconds = time.perf_counter() - self._epoch_start
        self.seconds += seconds
        self.log_dict({"lr": self._epoch_lr, "seconds": seconds}, rank_zero_only=True)

    @torch.no_grad()
    def _shrink_hidden_weights(self) -> None:
        """The proximal step of λ‖·‖₁: W ← sign(W) max(|W| − lr · λ, 0)."""
        threshold = self.trainer.optimizers[0].param_groups[0]["lr"] * self.optim.l1
        for weight in self.hidden_weights:
            weight.copy_(F.softshrink(weight, threshold))

    def configure_optimizers(self) -> Any:
        optimizer = self.optim.build_optimizer(self.model.parameters())
        epochs = self.trainer.max_epochs or 1
        _ = self.trainer.estimated_stepping_batches  # loads the data, whose length is not known before
        schedule = self.optim.build_schedule(optimizer, epochs, steps_per_epoch(self.trainer))
        return optimizer if schedule is None else {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["train_seconds"] = self.seconds
        checkpoint.update(self.choice.record)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.seconds = checkpoint["train_seconds"]
        # of a run begun when Lightning took the steps itself, and so counted them elsewhere
        taken = checkpoint["loops"]["fit_loop"]["epoch_loop.manual_optimization.optim_step_progress"]
        taken["total"] = dict.fromkeys(taken["total"], checkpoint["global_step"])


def _hidden_weights(model: nn.Module, l1: float) -> list[Tensor]:
    """The weights of the ℓ1 proximal step: none for λ = 0."""
    if l1 == 0:
        return []
    weights = getattr(model, "hidden_weights", list)()
    if not weights or not all(isinstance(weight, nn.Parameter) for weight in weights):
        raise ValueError(
            f"optim.l1={l1}: {type(model).__name__} has no hidden weights that can be set "
            "(weight normalisation computes them); use optim.l1=0 or model.weight_norm=false."
        )
    return weights
