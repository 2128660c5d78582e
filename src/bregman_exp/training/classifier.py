"""The LightningModule that trains any classifier."""

import time
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bregman_exp.training.non_finite import LossWatch
from bregman_exp.training.optimizer import Optim


class Classifier(pl.LightningModule):
    """Cross-entropy training of a model that maps (N, …) to logits (N, K).

    Sums of loss and right answers stay on the device and are read once an epoch (``train/loss``,
    ``train/accuracy``, ``val/loss``, ``val/accuracy``), so that a step waits for nothing.

    Raises ValueError where ``optim.l1`` > 0 and the model has no ``hidden_weights()`` that can be set.
    """

    def __init__(self, model: nn.Module, optim: Optim):
        super().__init__()
        self.model, self.optim = model, optim
        self.hidden_weights = _hidden_weights(model, optim.l1)
        self.sums: dict[str, Tensor] = {}  # (loss · n, correct, n) of "train" and "val"
        self.watch = LossWatch()
        self.seconds = 0.0  # spent in finished training epochs, also before a resume
        self._epoch_start = 0.0

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = self._step("train", batch)
        self.watch.see(loss.detach(), self.current_epoch, self.global_step)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._step("val", batch)

    def _step(self, stage: str, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, y = batch
        logits = self.model(x)
        loss = F.cross_entropy(logits, y)
        with torch.no_grad():
            correct = (logits.argmax(dim=1) == y).sum()
            seen = torch.stack(
                [loss.detach().double() * len(y), correct.double(), correct.new_tensor(len(y)).double()]
            )
            self.sums[stage] = self.sums[stage] + seen if stage in self.sums else seen
        return loss

    def _log_sums(self, stage: str) -> None:
        loss, correct, n = self.sums.pop(stage).tolist()
        self.log_dict({f"{stage}/loss": loss / n, f"{stage}/accuracy": correct / n}, sync_dist=True)

    def on_train_epoch_start(self) -> None:
        self.sums.pop("train", None)
        self._epoch_start = time.perf_counter()
        self._epoch_lr = self.trainer.optimizers[0].param_groups[0]["lr"]

    def on_validation_epoch_start(self) -> None:
        self.sums.pop("val", None)

    def on_validation_epoch_end(self) -> None:
        self._log_sums("val")

    def on_train_epoch_end(self) -> None:
        self.watch.check()
        self._log_sums("train")
        seconds = time.perf_counter() - self._epoch_start
        self.seconds += seconds
        self.log_dict({"lr": self._epoch_lr, "seconds": seconds}, rank_zero_only=True)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        self._shrink_hidden_weights()

    @torch.no_grad()
    def _shrink_hidden_weights(self) -> None:
        """The proximal step of λ‖·‖₁: W ← sign(W) max(|W| − lr · λ, 0)."""
        threshold = self.trainer.optimizers[0].param_groups[0]["lr"] * self.optim.l1
        for weight in self.hidden_weights:
            weight.copy_(F.softshrink(weight, threshold))

    def configure_optimizers(self) -> Any:
        optimizer = self.optim.build_optimizer(self.model.parameters())
        epochs = self.trainer.max_epochs or 1
        steps = int(
            self.trainer.estimated_stepping_batches
        )  # of all epochs; num_training_batches is not known yet
        schedule = self.optim.build_schedule(optimizer, epochs, steps // epochs)
        if schedule is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["train_seconds"] = self.seconds

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.seconds = checkpoint["train_seconds"]


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
