"""The exponential moving average of a network's weights."""

from typing import Any

import torch
from torch import Tensor, nn

from bregman_exp.training.checkpoint import CheckpointError, read_checkpoint

EMA = "ema"  # the key in the last checkpoint, and the name of the checkpoint of the average alone
WARM_UP = 10  # steps: the first average is over few of them


class Ema:
    """θ̄ ← d θ̄ + (1 − d) θ after every optimizer step, with d = min(decay, (1 + t) / (10 + t)).

    t is the number of steps before; θ̄ = θ after the first. With the decay alone, θ̄ of a short training would
    hardly differ from the initial weights. Buffers with a decimal point (running means and variances) are
    averaged, too; others are copied.
    """

    def __init__(self, model: nn.Module, decay: float):
        self.model, self.decay, self.steps = model, decay, 0
        self._average: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self) -> None:
        """Adds the weights that a step has left."""
        state = self.model.state_dict()
        if self.steps == 0:
            self._average = {name: value.detach().clone() for name, value in state.items()}
        keep = min(self.decay, (1 + self.steps) / (WARM_UP + self.steps))
        for name, value in state.items():
            # a resumed training loads the average before Lightning moves the model to its device
            average = self._average[name] = self._average[name].to(value.device)
            if average.is_floating_point():
                average.lerp_(value, 1 - keep)
            else:
                average.copy_(value)
        self.steps += 1

    def content(self) -> dict[str, Any]:
        """The state for ``load``, in plain containers."""
        return {"steps": self.steps, "average": self._average}

    def load(self, content: dict[str, Any]) -> None:
        """Takes over another object's ``content()``."""
        self.steps, self._average = content["steps"], dict(content["average"])


def ema_checkpoint(last: Any, identity: Any = None) -> dict[str, Any]:
    """A checkpoint of the average in the checkpoint at the path ``last``; nothing can be resumed from it.

    Raises as ``read_checkpoint``, and CheckpointError where it has no average.
    """
    content = read_checkpoint(last, identity)
    if EMA not in content:
        raise CheckpointError(f"{last} has no average of the weights; train a run with trainer.ema=0.999.")
    weights = {f"model.{name}": value for name, value in content[EMA]["average"].items()}
    counts = {key: content[key] for key in ("epoch", "global_step", "train_seconds")}
    return {"state_dict": weights, **counts, "callbacks": {}}
