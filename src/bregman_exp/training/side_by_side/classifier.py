"""The Lightning module that trains several networks side by side."""

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.loggers.logger import Logger
from torch import Tensor, nn

from bregman_exp.training.epoch_lines import EpochLines
from bregman_exp.training.epochs import Batch, Chunk, batches_in
from bregman_exp.training.form import Choice
from bregman_exp.training.non_finite import OnFailure
from bregman_exp.training.optimizer import Optim
from bregman_exp.training.seed_group import STACK, SeedGroup
from bregman_exp.training.side_by_side.lane import Lane
from bregman_exp.training.sums import Sums

MakeLane = Callable[[int, torch.device], Lane]  # row, device


class SideBySide(pl.LightningModule):
    """Trains several networks at once, each exactly as a ``Classifier`` alone would.

    Every network is a ``Lane``: its steps are launches of a CUDA graph on a stream of its own, so that a GPU
    works on all of them at the same time and the host only launches. A training batch is its number of
    samples, or a ``Chunk`` of such numbers, since a lane has its batches itself. Within an epoch nothing
    waits for the device.

    ``seeds`` name the networks in a checkpoint, from which any subset can go on. ``curves`` and ``loggers``
    are those of each network. A network whose loss is not finite is reported to ``on_failure`` (row, error)
    at the end of the epoch and stops; the last failure ends the training. Seconds are each network's share.
    """

    def __init__(
        self,
        lane: MakeLane,
        optim: Optim,
        seeds: Sequence[int],
        curves: Sequence[EpochLines],
        on_failure: OnFailure,
        choice: Choice,
    ):
        super().__init__()
        self.automatic_optimization = False
        self.optim, self.choice = optim, choice
        self.trackers: Sequence[Logger] = ()  # of a network alone: a tracker has one run in a process
        self.group = SeedGroup(seeds, curves, on_failure)
        self.lanes: list[Lane] = []
        self._make_lane = lane
        self._stored: list[dict[str, Any]] = []  # the networks in the checkpoint that training resumed from
        self._best: list[dict[str, Any]] = []  # of each network: accuracy, model, done
        self._train: dict[int, tuple[float, float]] = {}  # row -> loss and accuracy of the epoch
        self._val: dict[int, Sums] = {}

    @property
    def alive(self) -> list[int]:
        """The rows whose loss has always been finite."""
        return self.group.alive

    def configure_optimizers(self) -> None:
        """Lightning steps no optimizer: each lane has its own."""

    def on_train_start(self) -> None:
        self.lanes = [self._make_lane(row, self.device) for row in range(len(self.group.seeds))]
        for lane, stored in zip(self.lanes, self._stored, strict=bool(self._stored)):
            lane.load(stored)
        for lane in self.lanes:
            lane.prepare()
        if not self._best:
            self._best = [{} for _ in self.lanes]
        epochs, steps = self.trainer.max_epochs or 1, len(self.lanes[0].batches.sizes)
        every = list(self.optim.rates(epochs, steps))
        self._rates = [every[epoch * steps : (epoch + 1) * steps] for epoch in range(epochs)]

    def on_train_epoch_start(self) -> None:
        self._epoch_start = time.perf_counter()
        for row in self.alive:
            self.lanes[row].begin(self.current_epoch, self._rates[self.current_epoch])

    def training_step(self, batch: int | Chunk, batch_idx: int) -> dict[str, Any]:
        sizes = batches_in(batch)
        alive = [self.lanes[row] for row in self.alive]
        for size in sizes:
            for lane in alive:
                lane.advance(size)
        self._count_steps(len(sizes))
        return {"samples": sum(sizes) * len(alive)}  # no loss: reading it would wait for the device

    def _count_steps(self, n: int) -> None:
        """Advances ``global_step``, for which Lightning counts the steps of its own optimizers alone."""
        progress = self.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        for _ in range(n):
            progress.increment_ready()
            progress.increment_completed()

    def on_validation_epoch_start(self) -> None:
        for row in self.alive:
            self._train[row] = self.lanes[row].read()
            error = self.lanes[row].failure(self.current_epoch)
            if error is not None:
                self.group.fail(row, error)
        self._val = {row: Sums() for row in self.alive}
        for lane in self.lanes:
            lane.model.eval()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        x, y = batch
        for row, sums in self._val.items():
            logits = self.lanes[row].model(x)
            sums.see(F.cross_entropy(logits, y), logits, y)

    def on_validation_epoch_end(self) -> None:
        for lane in self.lanes:
            lane.model.train()

    def on_train_epoch_end(self) -> None:
        val = {row: sums.means() for row, sums in self._val.items()}
        seconds = time.perf_counter() - self._epoch_start
        share = self.group.end_epoch(self.current_epoch, self.global_step, seconds)
        self.log("val/accuracy", sum(accuracy for _, accuracy in val.values()) / len(val))
        common = {"epoch": self.current_epoch, "lr": self._rates[self.current_epoch][0], "seconds": share}
        for row, (loss, accuracy) in val.items():
            self._keep_best(row, accuracy)
            figures = {"val/loss": loss, "val/accuracy": accuracy}
            figures["train/loss"], figures["train/accuracy"] = self._train[row]
            self._write(row, common | {name: _in_float32(value) for name, value in figures.items()})

    def _keep_best(self, row: int, accuracy: float) -> None:
        """Copies the weights at the first epoch, then wherever the accuracy is strictly greater."""
        if not self._best[row] or accuracy > self._best[row]["accuracy"]:
            model = _copied(self.lanes[row].model)
            self._best[row] = {"accuracy": accuracy, "model": model, "done": self.group.done}

    def _write(self, row: int, figures: dict[str, float]) -> None:
        step = self.global_step - 1  # the last, counted from 0
        self.group.curves[row].add(figures | {"step": step})
        for tracker in self.trackers:
            tracker.log_metrics(figures, step=step)

    def free(self) -> None:
        """Frees the GPU memory of the graphs. After it, ``checkpoints`` cannot be called."""
        self.lanes.clear()
        gc.collect()  # module and trainer refer to each other
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["train_seconds"] = self.group.seconds
        checkpoint.update(self.choice.record)
        networks = {"networks": [lane.content() for lane in self.lanes], "best": self._best}
        checkpoint[STACK] = self.group.content() | networks

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes over this group's networks from a checkpoint that may have more."""
        stored = checkpoint[STACK]
        rows = self.group.rows_in(stored)
        self._stored = [stored["networks"][row] for row in rows]
        self._best = [stored["best"][row] for row in rows]
        self.group.load(stored, checkpoint["train_seconds"])

    def checkpoints(self, row: int) -> dict[str, dict[str, Any]]:
        """A network's own checkpoints "best" and "last", as it would have trained alone."""
        best = self._best[row]["model"], self._best[row]["done"]
        last = _copied(self.lanes[row].model) if self.lanes else self._stored[row]["model"]
        own = self.group.checkpoints(row, best, last)
        return {which: content | self.choice.record for which, content in own.items()}


def _in_float32(figure: float) -> float:
    """The figure as Lightning logs it for a network alone."""
    return float(torch.tensor(figure, dtype=torch.float32))


def _copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
