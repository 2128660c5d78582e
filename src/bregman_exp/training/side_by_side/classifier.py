"""Several networks that train side by side: the LightningModule around their lanes."""

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.loggers.logger import Logger
from torch import Tensor, nn

from bregman_exp.training.classifier import Batch
from bregman_exp.training.epoch_lines import LINES, EpochLines, texts_in
from bregman_exp.training.epochs import Chunk
from bregman_exp.training.form import Choice
from bregman_exp.training.non_finite import NonFiniteLossError
from bregman_exp.training.optimizer import Optim
from bregman_exp.training.side_by_side.lane import Lane
from bregman_exp.training.sums import Sums

MakeLane = Callable[[int, torch.device], Lane]  # row, device


class SideBySide(pl.LightningModule):
    """Trains several networks at once, each exactly as a Classifier alone would.

    Every network is a ``Lane``: its steps are launches of a CUDA graph on a stream of its own, so that a GPU
    works on all of them at the same time and the host does nothing but launch. A training batch is only a
    size, or a ``Chunk`` of sizes: a lane knows its batches. Within an epoch nothing waits for the device.

    ``seeds`` name the networks in a checkpoint, from which any of them can go on. ``curves`` and ``loggers``:
    each one's own. A network whose loss is not finite is given to ``on_failure`` (its row and the error) at
    the end of the epoch and stops; the last one's error ends the training. Seconds are each network's share.
    """

    def __init__(
        self,
        lane: MakeLane,
        optim: Optim,
        seeds: Sequence[int],
        curves: Sequence[EpochLines],
        loggers: Sequence[Sequence[Logger]],
        on_failure: Callable[[int, NonFiniteLossError], None],
        choice: Choice,
    ):
        super().__init__()
        self.automatic_optimization = False
        self.optim, self.choice = optim, choice
        self.seeds, self.curves, self.loggers_of = list(seeds), list(curves), list(loggers)
        self.together = len(self.seeds)  # as many as the training began with
        self.lanes: list[Lane] = []
        self.seconds = 0.0
        self.done: dict[str, Any] = {}  # epoch, global_step and train_seconds of the last finished epoch
        self._make_lane, self._on_failure = lane, on_failure
        self._failed: dict[int, NonFiniteLossError] = {}
        self._stored: list[dict[str, Any]] = []  # of a checkpoint, a network each
        self._best: list[dict[str, Any]] = []  # accuracy, model, done
        self._train: dict[int, tuple[float, float]] = {}  # row -> loss and accuracy of the epoch
        self._val: dict[int, Sums] = {}

    @property
    def alive(self) -> list[int]:
        """The rows whose loss has always been finite."""
        return [row for row in range(len(self.seeds)) if row not in self._failed]

    def configure_optimizers(self) -> None:
        """Lightning has none to step: each lane has its own."""

    def on_train_start(self) -> None:
        self.lanes = [self._make_lane(row, self.device) for row in range(len(self.seeds))]
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
        sizes = batch if isinstance(batch, Chunk) else [batch]
        alive = [self.lanes[row] for row in self.alive]
        for size in sizes:
            for lane in alive:
                lane.advance(size)
        self._count_steps(len(sizes))
        return {"samples": sum(sizes) * len(alive)}  # the loss is on the device, and nobody waits for it

    def _count_steps(self, n: int) -> None:
        """Lightning counts the steps of its own optimizers alone, and ``global_step`` is what it counts."""
        progress = self.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        for _ in range(n):
            progress.increment_ready()
            progress.increment_completed()

    def on_validation_epoch_start(self) -> None:
        for row in self.alive:
            self._train[row] = self.lanes[row].read()
            error = self.lanes[row].failure(self.current_epoch)
            if error is not None:
                self._fail(row, error)
        self._val = {row: Sums() for row in self.alive}
        for lane in self.lanes:
            lane.model.eval()

    def _fail(self, row: int, error: NonFiniteLossError) -> None:
        self._failed[row] = error
        self._on_failure(row, error)
        if not self.alive:
            raise max(self._failed.values(), key=lambda error: error.step)

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
        seconds = (time.perf_counter() - self._epoch_start) / len(self.seeds)
        self.seconds += seconds
        self.done = {
            "epoch": self.current_epoch,
            "global_step": self.global_step,
            "train_seconds": self.seconds,
        }
        self.log("val/accuracy", sum(accuracy for _, accuracy in val.values()) / len(val))
        common = {"epoch": self.current_epoch, "lr": self._rates[self.current_epoch][0], "seconds": seconds}
        for row, (loss, accuracy) in val.items():
            if not self._best[row] or accuracy > self._best[row]["accuracy"]:
                best = {"accuracy": accuracy, "model": _copied(self.lanes[row].model), "done": self.done}
                self._best[row] = best
            train_loss, train_accuracy = self._train[row]
            figures = {"val/loss": loss, "val/accuracy": accuracy}
            figures |= {"train/loss": train_loss, "train/accuracy": train_accuracy}
            figures = {name: _in_float32(value) for name, value in figures.items()}
            step = self.global_step - 1  # the last, from 0
            self.curves[row].add(common | figures | {"step": step})
            for logger in self.loggers_of[row]:
                logger.log_metrics(common | figures, step=step)

    def free(self) -> None:
        """Gives back what the graphs hold of a GPU's memory; ``checkpoints`` is not possible any more."""
        self.lanes.clear()
        gc.collect()  # module and trainer hold one another
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        failed = {self.seeds[row]: error for row, error in self._failed.items()}
        checkpoint["train_seconds"] = self.seconds
        checkpoint.update(self.choice.record)
        checkpoint["stack"] = {
            "seeds": self.seeds,
            "together": self.together,
            "failed": [[seed, e.epoch, e.step, e.loss] for seed, e in failed.items()],
            "done": self.done,
            "networks": [lane.content() for lane in self.lanes],
            "best": self._best,
            LINES: [curve.content() for curve in self.curves],
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes over the networks that are here of those in the checkpoint; what had failed is told again."""
        stored = checkpoint["stack"]
        rows = [stored["seeds"].index(seed) for seed in self.seeds]
        self.seconds, self.together, self.done = (
            checkpoint["train_seconds"],
            stored["together"],
            stored["done"],
        )
        self._stored = [stored["networks"][row] for row in rows]
        self._best = [stored["best"][row] for row in rows]
        texts = texts_in(stored)
        for row, curve in zip(rows, self.curves, strict=True):
            curve.load(texts[row])
        for seed, epoch, step, loss in stored["failed"]:
            if seed in self.seeds:
                self._fail(self.seeds.index(seed), NonFiniteLossError(epoch, step, loss))

    def checkpoints(self, row: int) -> dict[str, dict[str, Any]]:
        """A network's checkpoints "best" and "last": those of its training alone, less what resumes it."""
        best = self._best[row]
        last = _copied(self.lanes[row].model) if self.lanes else self._stored[row]["model"]
        return {
            "best": self._final(best["model"], best["done"]),
            "last": self._final(last, self.done) | {LINES: self.curves[row].content()},
        }

    def _final(self, state: dict[str, Tensor], done: dict[str, Any]) -> dict[str, Any]:
        weights = {f"model.{name}": value for name, value in state.items()}
        return {"state_dict": weights, **done, "callbacks": {}, "seeds_together": self.together} | (
            self.choice.record
        )


def _in_float32(figure: float) -> float:
    """What Lightning makes of a figure that a network alone gives it."""
    return float(torch.tensor(figure, dtype=torch.float32))


def _copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
