"""Detects a training loss that is not finite, without waiting for the device in every step."""

import re
from collections.abc import Callable

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
    def from_traceback(cls, text: str) -> "NonFiniteLossError | None":
        """The error at the end of a spawned process's traceback; None where that is another error."""
        match = re.search(r"NonFiniteLossError: The loss is (\S+) at epoch (\d+), step (\d+)", text)
        return cls(int(match[2]), int(match[3]), float(match[1])) if match else None


OnFailure = Callable[[int, NonFiniteLossError], None]  # row of the network, its error


def _raise(row: int, error: NonFiniteLossError) -> None:
    raise error


class LossWatch:
    """Collects training losses on their device and checks them every 50 steps.

    A step's loss is a scalar, or the losses (S,) of S networks. ``on_failure`` is called with the row and the
    error of each network whose loss was not finite since the last check; by default it raises the error.
    """

    def __init__(self, on_failure: OnFailure = _raise) -> None:
        self._on_failure = on_failure
        self._losses: list[Tensor] = []
        self._places: list[tuple[int, int]] = []

    def see(self, loss: Tensor, epoch: int, step: int) -> None:
        """Collects the loss of a step; the 50th since the last check is followed by a check."""
        self._losses.append(loss)
        self._places.append((epoch, step))
        if len(self._losses) >= CHECK_EVERY:
            self.check()

    def check(self) -> None:
        """Checks the losses collected since the last check; waits for the device."""
        losses, places = self._losses, self._places
        self._losses, self._places = [], []
        if not losses:
            return
        table = torch.stack(losses).view(len(losses), -1)  # (steps, S)
        bad = ~table.isfinite()
        for row in bad.any(0).nonzero().flatten().tolist():
            first = int(bad[:, row].int().argmax())
            self._on_failure(row, NonFiniteLossError(*places[first], float(table[first, row])))
