"""Notices a loss that is not finite, without waiting for the device in every step."""

import re

import torch
from torch import Tensor

CHECK_EVERY = 50  # steps


class NonFiniteLossError(ArithmeticError):
    """The training loss became NaN or infinite.

    Attributes: epoch and step (counted from 0) of the first such loss, and the loss.
    """

    def __init__(self, epoch: int, step: int, loss: float):
        super().__init__(
            f"The loss is {loss} at epoch {epoch}, step {step}; a smaller optim.lr, a clamp in the model "
            "(model.clamp) or trainer.precision=32-true usually helps."
        )
        self.epoch, self.step, self.loss = epoch, step, loss

    @classmethod
    def told_in(cls, text: str) -> "NonFiniteLossError | None":
        """The error that a spawned process's traceback ends in, if it is one of these."""
        match = re.search(r"NonFiniteLossError: The loss is (\S+) at epoch (\d+), step (\d+)", text)
        return cls(int(match[2]), int(match[3]), float(match[1])) if match else None


class LossWatch:
    """Collects the losses on their device and looks at them every few steps."""

    def __init__(self) -> None:
        self._losses: list[Tensor] = []
        self._where: list[tuple[int, int]] = []

    def see(self, loss: Tensor, epoch: int, step: int) -> None:
        """Remember a loss; raises NonFiniteLossError once one of the last 50 was not finite."""
        self._losses.append(loss)
        self._where.append((epoch, step))
        if len(self._losses) >= CHECK_EVERY:
            self.check()

    def check(self) -> None:
        """Raises NonFiniteLossError for the first loss not finite since the last check."""
        losses, where = self._losses, self._where
        self._losses, self._where = [], []
        for value, (epoch, step) in zip(torch.stack(losses).tolist() if losses else [], where, strict=True):
            if not abs(value) < float("inf"):
                raise NonFiniteLossError(epoch, step, value)
