"""The best weights of every network of a stack."""

from typing import Any

from torch import Tensor

from bregman_exp.training.stack.networks import take_rows


class BestWeights:
    """For each row the weights of the first epoch with the highest validation accuracy.

    ``EpochCheckpoint("best")`` keeps the same for a network alone: after the first epoch, only a strictly
    greater accuracy replaces them.
    """

    def __init__(self) -> None:
        self._state: dict[str, Tensor] = {}  # name -> (S, …)
        self._accuracy: list[float] = []
        self._done: list[dict[str, Any]] = []  # epoch and counts of the checkpoint that the weights belong to

    def see(self, state: dict[str, Tensor], accuracy: list[float], done: dict[str, Any]) -> None:
        """Takes the weights (S, …) at an epoch's end of the rows whose accuracy is a new best."""
        if not self._state:
            self._state = {name: value.clone() for name, value in state.items()}
            self._accuracy, self._done = list(accuracy), [done] * len(accuracy)
        better = [row for row, value in enumerate(accuracy) if value > self._accuracy[row]]
        for row in better:
            self._accuracy[row], self._done[row] = accuracy[row], done
        for name, value in state.items() if better else ():
            kept = self._state[name]
            kept[better] = value[better].to(kept.device)  # after a resume they are kept on the CPU

    def of(self, row: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The row's best weights, with epoch and counts of their checkpoint."""
        return take_rows(self._state, row), self._done[row]

    def content(self) -> dict[str, Any]:
        """The state for ``load``, in plain containers."""
        return {"state": self._state, "accuracy": self._accuracy, "done": self._done}

    def load(self, content: dict[str, Any], rows: list[int]) -> None:
        """Takes over these rows of another object's ``content()``."""
        self._state = take_rows(content["state"], rows)
        self._accuracy = [content["accuracy"][row] for row in rows]
        self._done = [content["done"][row] for row in rows]
