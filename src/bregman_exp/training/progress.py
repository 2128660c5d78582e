"""The progress bar of a training run."""

import time
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from bregman_exp.training.epoch_lines import ROBUST_ACCURACY
from bregman_exp.training.epochs import steps_per_epoch

REFRESH = 0.5  # seconds between two readings of the loss: each waits for the device
WIDE = 115  # columns of a terminal that has room for the bar and the speed
LINE_EVERY = 30.0  # seconds between two lines where there is no terminal


class TrainingProgress(pl.Callback):
    """Epoch, loss, accuracy, samples per second and time left; without a terminal, a line every 30 s."""

    def __init__(self, label: str):
        self.label = label

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # created here, since the callback is pickled for other processes and a console cannot be
        self.console = Console(stderr=True)
        self._is_narrow = self.console.is_terminal and self.console.width < WIDE
        self._bar = Progress(
            TextColumn("{task.description}  epoch {task.fields[epoch]}"),
            *(() if self._is_narrow else (BarColumn(bar_width=20),)),
            TimeRemainingColumn(),
            TextColumn("left  {task.fields[figures]}"),
            console=self.console,
            disable=not (self.console.is_terminal and trainer.is_global_zero),
        )
        epochs, steps = trainer.max_epochs or 0, steps_per_epoch(trainer)
        self._epochs = epochs
        self._task = self._bar.add_task(
            self.label, total=epochs * steps, completed=trainer.global_step, epoch=f"0/{epochs}", figures=""
        )
        self._bar.start()
        self._samples, self._since = 0, time.perf_counter()
        self._line = self._since

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._samples += outputs["samples"] * trainer.world_size
        now = time.perf_counter()
        if now - self._since < REFRESH:
            return
        self._show(trainer, outputs.get("loss"), self._samples / (now - self._since))
        self._samples, self._since = 0, now

    def _show(self, trainer: pl.Trainer, loss: Tensor | None, rate: float) -> None:
        figures = self._figures(trainer.callback_metrics, loss, rate)
        epoch = f"{trainer.current_epoch + 1}/{self._epochs}"
        self._bar.update(self._task, completed=trainer.global_step, epoch=epoch, figures=figures)
        if (
            not self.console.is_terminal
            and trainer.is_global_zero
            and time.perf_counter() - self._line > LINE_EVERY
        ):
            self._line = time.perf_counter()
            left = self._bar.tasks[0].time_remaining
            left_text = "" if left is None else f"  {left:,.0f} s left"
            self.console.print(
                f"{self.label}  epoch {epoch}  {figures}{left_text}", soft_wrap=True, highlight=False
            )

    def _figures(self, metrics: Mapping[str, Tensor], loss: Tensor | None, rate: float) -> str:
        """E.g. "loss 0.467  76 samples/s  validation accuracy 0.792"; less where there is little room."""
        parts = (
            [] if loss is None else [f"loss {float(loss.nanmean()):.3f}"]
        )  # of a stack, the networks' mean
        parts += [] if self._is_narrow else [f"{rate:,.0f} samples/s"]
        named = {"val/accuracy": "validation accuracy", ROBUST_ACCURACY: "robust"}
        if self._is_narrow:
            named["val/accuracy"] = "accuracy"
        parts += [f"{name} {float(metrics[key]):.3f}" for key, name in named.items() if key in metrics]
        return "  ".join(parts)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._bar.stop()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        if hasattr(self, "_bar"):  # not yet there at an error before the start
            self._bar.stop()
