"""Many networks of one shape trained as one: their parameters stacked, one step for all of them."""

import copy
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from bregman_exp.training.checkpoint import read_checkpoint
from bregman_exp.training.classifier import Batch, Classifier
from bregman_exp.training.epoch_lines import LINES, EpochLines, texts_in
from bregman_exp.training.epochs import Chunk
from bregman_exp.training.non_finite import NonFiniteLossError
from bregman_exp.training.optimizer import Optim
from bregman_exp.training.stack_best import BestWeights
from bregman_exp.training.stack_rows import take_rows
from bregman_exp.training.stack_sums import StackSums
from bregman_exp.training.stack_watch import RowWatch
from bregman_exp.training.stack_weight_norm import with_plain_weight_norm


class Stack(nn.Module):
    """S networks of one shape in one: every parameter and buffer of ``one`` has a first dimension S.

    Shapes: x (S, N, …) -> logits (S, N, K), each row by its own network.
    """

    def __init__(self, models: Sequence[nn.Module]):
        super().__init__()
        self.one = with_plain_weight_norm(copy.deepcopy(models[0]))
        parameters, buffers = stack_module_state(list(models))
        for name, parameter in self.one.named_parameters():
            parameter.data = parameters[name].detach()
        for name, buffer in self.one.named_buffers():
            buffer.data = buffers[name]

    def forward(self, x: Tensor) -> Tensor:
        tensors = dict(self.one.named_parameters()) | dict(self.one.named_buffers())
        return torch.vmap(self._row)(tensors, x)

    def _row(self, tensors: dict[str, Tensor], x: Tensor) -> Tensor:
        # tie_weights looks for tied weights in every call: half a millisecond of a hundred layers
        return functional_call(self.one, tensors, (x,), tie_weights=False)

    def hidden_weights(self) -> list[Tensor]:
        """What an ℓ1 proximal step may act on: the networks' own, stacked; it works elementwise."""
        return getattr(self.one, "hidden_weights", list)()


class StackedClassifier(Classifier):
    """Trains S networks at once, each as a Classifier alone would, to rounding.

    A step descends the sum of the networks' own mean cross-entropies. Optimizers and proximal step work
    elementwise, so no network feels another, also where one's loss is not finite: that one is given to
    ``on_failure`` (its row and the error) and only counts no longer. The last one's error ends the training.

    ``seeds`` name the networks in a checkpoint, from which any part of them can go on. ``curves``: each
    one's own. Seconds are each network's share, those of the stack divided by S.

    Shapes: batches x (S, N, …), y (S, N).
    """

    model: Stack

    def __init__(
        self,
        models: Sequence[nn.Module],
        optim: Optim,
        seeds: Sequence[int],
        curves: Sequence[EpochLines],
        on_failure: Callable[[int, NonFiniteLossError], None],
    ):
        super().__init__(Stack(models), optim)
        self.seeds, self.curves = list(seeds), list(curves)
        self.together = len(self.seeds)  # as many as the stack began with
        self.row_sums = {"train": StackSums(), "val": StackSums()}
        self.watch = RowWatch(on_failure)
        self.best = BestWeights()
        self.done: dict[str, Any] = {}  # epoch, global_step and train_seconds of the last finished epoch
        self._figures: dict[str, list[float]] = {}  # of the epoch, a value a network

    @property
    def alive(self) -> list[int]:
        """The rows whose loss has always been finite."""
        return [row for row in range(len(self.seeds)) if row not in self.watch.failed]

    def training_step(self, batch: Batch | Chunk, batch_idx: int) -> dict[str, Any]:
        batches = batch if isinstance(batch, Chunk) else [batch]
        return super().training_step(batch, batch_idx) | {"samples": sum(y.numel() for _, y in batches)}

    def manual_backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """From the losses (S,): the gradient of their sum is, for each network, that of its own."""
        super().manual_backward(loss.sum(), *args, **kwargs)

    def _loss(self, stage: str, x: Tensor, y: Tensor) -> Tensor:
        """The losses (S,)."""
        logits = self.model(x)  # (S, N, K)
        each = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
        losses = each.view(y.shape).mean(1)
        self.row_sums[stage].see(losses, logits, y)
        return losses

    def _log_means(self, stage: str) -> None:
        losses, accuracies = self.row_sums[stage].means()
        self._figures[f"{stage}/loss"], self._figures[f"{stage}/accuracy"] = losses, accuracies
        alive = self.alive
        self.log(f"{stage}/accuracy", sum(accuracies[row] for row in alive) / len(alive))

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        self.row_sums["train"] = StackSums()

    def on_validation_epoch_start(self) -> None:
        self.watch.check()  # here already: the mean over those alive is told after validation
        self.row_sums["val"] = StackSums()

    def on_train_epoch_end(self) -> None:
        self._log_means("train")
        seconds = (time.perf_counter() - self._epoch_start) / len(self.seeds)
        self.seconds += seconds
        self.done = {
            "epoch": self.current_epoch,
            "global_step": self.global_step,
            "train_seconds": self.seconds,
        }
        self.best.see(self.model.one.state_dict(), self._figures["val/accuracy"], self.done)
        self._write_curves({"epoch": self.current_epoch, "lr": self._epoch_lr, "seconds": seconds})

    def _write_curves(self, common: dict[str, float]) -> None:
        for row in self.alive:
            figures = {name: values[row] for name, values in self._figures.items()}
            self.curves[row].add(common | figures | {"step": self.global_step - 1})  # the last, from 0

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        failed = {self.seeds[row]: error for row, error in self.watch.failed.items()}
        checkpoint["stack"] = {
            "seeds": self.seeds,
            "together": self.together,
            "failed": [[seed, e.epoch, e.step, e.loss] for seed, e in failed.items()],
            "best": self.best.content(),
            "done": self.done,
            LINES: [curve.content() for curve in self.curves],
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes over the networks that are here of those in the checkpoint; what had failed is told again."""
        super().on_load_checkpoint(checkpoint)
        stored = checkpoint["stack"]
        rows = [stored["seeds"].index(seed) for seed in self.seeds]
        for key in ("state_dict", "optimizer_states"):
            checkpoint[key] = take_rows(checkpoint[key], rows)
        self.together, self.done = stored["together"], stored["done"]
        self.best.load(stored["best"], rows)
        texts = texts_in(stored)
        for row, curve in zip(rows, self.curves, strict=True):
            curve.load(texts[row])
        for seed, epoch, step, loss in stored["failed"]:
            if seed in self.seeds:
                self.watch.fail(self.seeds.index(seed), NonFiniteLossError(epoch, step, loss))

    def checkpoints(self, row: int) -> dict[str, dict[str, Any]]:
        """A network's checkpoints "best" and "last": those of its training alone, less what resumes it."""
        last = take_rows(self.model.one.state_dict(), row)
        return {
            "best": self._checkpoint(*self.best.of(row)),
            "last": self._checkpoint(last, self.done) | {LINES: self.curves[row].content()},
        }

    def _checkpoint(self, state: dict[str, Tensor], done: dict[str, Any]) -> dict[str, Any]:
        weights = {f"model.{name}": value.cpu().clone() for name, value in state.items()}
        return {"state_dict": weights, **done, "callbacks": {}, "seeds_together": self.together}


def stacked_seeds(path: Path) -> list[int]:
    """The seeds of the networks in a stack's checkpoint; CheckpointError where it cannot be read."""
    return read_checkpoint(path)["stack"]["seeds"]
