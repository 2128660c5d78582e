"""Seeds that train together: what is kept of each network besides its weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from bregman_exp.training.checkpoint import read_checkpoint
from bregman_exp.training.epoch_lines import LINES, EpochLines, texts_in
from bregman_exp.training.non_finite import NonFiniteLossError, OnFailure

STACK = "stack"  # the group's key in the common checkpoint


class SeedGroup:
    """The networks of several seeds, a row each: their curves, failures, and share of the time.

    ``seeds`` name the networks in the common checkpoint, from which any subset of them can go on. ``curves``
    has the metrics.csv of each. ``on_failure`` is called once for each network whose loss is not finite.
    """

    def __init__(self, seeds: Sequence[int], curves: Sequence[EpochLines], on_failure: OnFailure):
        self.seeds, self.curves = list(seeds), list(curves)
        self.size_at_start = len(self.seeds)  # some may have left the group at a resume
        self.failed: dict[int, NonFiniteLossError] = {}  # by row
        self.seconds = 0.0  # each network's share of the finished epochs
        self.done: dict[str, Any] = {}  # epoch, global_step and train_seconds of the last finished epoch
        self._on_failure = on_failure

    @property
    def alive(self) -> list[int]:
        """The rows whose loss has always been finite."""
        return [row for row in range(len(self.seeds)) if row not in self.failed]

    def fail(self, row: int, error: NonFiniteLossError) -> None:
        """Records and reports a network's first failure; later ones are ignored.

        Raises the error of the network that failed last where none is left.
        """
        if row in self.failed:
            return
        self.failed[row] = error
        self._on_failure(row, error)
        if not self.alive:
            raise max(self.failed.values(), key=lambda error: error.step)

    def end_epoch(self, epoch: int, global_step: int, seconds: float) -> float:
        """Records a finished epoch that took the group ``seconds``; returns each network's share of them."""
        share = seconds / len(self.seeds)
        self.seconds += share
        self.done = {"epoch": epoch, "global_step": global_step, "train_seconds": self.seconds}
        return share

    def content(self) -> dict[str, Any]:
        """The group's part of the common checkpoint, in plain containers."""
        return {
            "seeds": self.seeds,
            "together": self.size_at_start,
            "failed": [[self.seeds[row], e.epoch, e.step, e.loss] for row, e in self.failed.items()],
            "done": self.done,
            LINES: [curve.content() for curve in self.curves],
        }

    def rows_in(self, content: dict[str, Any]) -> list[int]:
        """Where a common checkpoint has the networks of this group."""
        return [content["seeds"].index(seed) for seed in self.seeds]

    def load(self, content: dict[str, Any], seconds: float) -> None:
        """Takes over from a common checkpoint what is of this group's seeds, and reports failures again.

        Raises NonFiniteLossError where all of them had failed.
        """
        self.seconds, self.size_at_start, self.done = seconds, content["together"], content["done"]
        texts = texts_in(content)
        for row, curve in zip(self.rows_in(content), self.curves, strict=True):
            curve.load(texts[row])
        for seed, epoch, step, loss in content["failed"]:
            if seed in self.seeds:
                self.fail(self.seeds.index(seed), NonFiniteLossError(epoch, step, loss))

    def checkpoints(
        self, row: int, best: tuple[dict[str, Tensor], dict[str, Any]], last: dict[str, Tensor]
    ) -> dict[str, dict[str, Any]]:
        """A network's own checkpoints "best" and "last"; they lack what resuming would need.

        ``best``: weights, and ``done`` of their epoch. ``last``: weights.
        """
        lines = {LINES: self.curves[row].content()}
        return {"best": self._checkpoint(*best), "last": self._checkpoint(last, self.done) | lines}

    def _checkpoint(self, state: dict[str, Tensor], done: dict[str, Any]) -> dict[str, Any]:
        weights = {f"model.{name}": value for name, value in state.items()}
        return {"state_dict": weights, **done, "callbacks": {}, "seeds_together": self.size_at_start}


def stacked_seeds(path: Path) -> list[int]:
    """The seeds of the networks in a common checkpoint; CheckpointError where it cannot be read."""
    return read_checkpoint(path)[STACK]["seeds"]
