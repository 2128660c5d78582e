"""The optimizer steps of a Lightning module in manual optimization: one for every batch."""

from collections.abc import Iterable
from typing import Any, cast

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from bregman_exp.training.ema import Ema
from bregman_exp.training.epochs import steps_per_epoch
from bregman_exp.training.optimizer import Optim


class Descent:
    """Moves the weights of ``model``: optimizer, learning-rate schedule, ℓ1 proximal step.

    ``clip``: a longer gradient, over all parameters, is shortened to this ℓ2 norm. ``ema``: the decay of
    an average of the weights.
    Raises ValueError where ``optim.l1`` > 0 and the model has no ``hidden_weights()`` that can be set.
    """

    def __init__(self, model: nn.Module, optim: Optim, clip: float | None = None, ema: float | None = None):
        self.model, self.optim, self.clip = model, optim, clip
        self.ema = None if ema is None else Ema(model, ema)
        self.hidden_weights = _hidden_weights(model, optim.l1)

    def configure(self, trainer: pl.Trainer) -> Any:
        """Optimizer and schedule, in the form that Lightning's ``configure_optimizers`` returns."""
        optimizer = self.optim.build_optimizer(self.model.parameters())
        epochs = trainer.max_epochs or 1
        _ = trainer.estimated_stepping_batches  # loads the data, whose length is needed below
        schedule = self.optim.build_schedule(optimizer, epochs, steps_per_epoch(trainer))
        return optimizer if schedule is None else {"optimizer": optimizer, "lr_scheduler": schedule}

    def rate(self, trainer: pl.Trainer) -> float:
        """The learning rate of the next step."""
        return trainer.optimizers[0].param_groups[0]["lr"]

    def step(self, module: pl.LightningModule, losses: Iterable[Tensor]) -> None:
        """One step of the optimizer, then of the schedule, from the gradient of the sum of the losses.

        ``losses``: scalars; each is computed after the gradient of the one before it, whose memory is free.
        """
        optimizer = cast(LightningOptimizer, module.optimizers())
        schedule = cast("LRScheduler | None", module.lr_schedulers())
        optimizer.zero_grad()
        for loss in losses:
            # the backward pass computes in the types of the forward pass, whose autocast is still on
            with torch.autocast(module.device.type, enabled=False):
                module.manual_backward(loss)
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        optimizer.step()
        if self.hidden_weights:
            shrink(self.hidden_weights, self.rate(module.trainer) * self.optim.l1)
        if self.ema is not None:
            self.ema.update()
        if schedule is not None:
            schedule.step()


@torch.no_grad()
def shrink(weights: Iterable[Tensor], threshold: float) -> None:
    """The proximal step of threshold · ‖·‖₁, in place: W ← sign(W) max(|W| − threshold, 0)."""
    for weight in weights:
        weight.copy_(F.softshrink(weight, threshold))


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


def mend_step_count(checkpoint: dict[str, Any]) -> None:
    """Sets the count of manual steps in a checkpoint to its ``global_step``, from which training goes on.

    In runs begun before the optimizer was stepped by hand, Lightning counted the steps elsewhere.
    """
    progress = checkpoint["loops"]["fit_loop"]["epoch_loop.manual_optimization.optim_step_progress"]
    progress["total"] = dict.fromkeys(progress["total"], checkpoint["global_step"])
