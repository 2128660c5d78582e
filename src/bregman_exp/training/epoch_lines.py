"""metrics.csv: one line an epoch, kept in the checkpoint, from which the file is written whole."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from bregman_exp.whole_file import write_whole

COLUMNS: list[str] = [
    "epoch",
    "step",
    "lr",
    "train/loss",
    "train/accuracy",
    "val/loss",
    "val/accuracy",
    "seconds",
]
LINES = "lines"  # their key in a checkpoint

Lines = list[list[str]]  # a cell a column


class EpochLines:
    """The figures of every finished epoch: losses are means in nats, accuracies fractions, lr the learning
    rate at the epoch's start.

    The file is never appended to, and read only where the checkpoint has no lines, which older ones have not.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lines: Lines | None = None  # once known

    def add(self, figures: Mapping[str, float]) -> None:
        """Writes the epoch's line, in the place of those of this epoch and later ones that were there."""
        line = [_cell(figures[name]) if name in figures else "" for name in COLUMNS]
        known = self._of_file() if self._lines is None else self._lines
        self._lines = [other for other in known if int(other[0]) < figures["epoch"]] + [line]
        self._write(self._lines)

    def content(self) -> Lines:
        """What ``load`` takes, in plain containers."""
        return [list(line) for line in self._lines or []]

    def load(self, content: Lines | None) -> None:
        """The lines of a checkpoint; None for one that has none."""
        self._lines = None if content is None else [list(map(str, line)) for line in content]

    def restore(self, content: Lines | None) -> None:
        """Writes the lines of a checkpoint with which training has ended, where it has any."""
        if content:
            self._write(content)

    def _write(self, lines: Lines) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows([COLUMNS, *lines])
        write_whole(self.path, text.getvalue().encode())

    def _of_file(self) -> Lines:
        """The whole lines of the file; what else is there is damaged, and not worth an error."""
        if not self.path.is_file():
            return []
        rows = self.path.read_bytes().decode(errors="replace").splitlines()
        cells = [row.split(",") for row in rows]  # none of ours needs quotes
        return [line for line in cells if len(line) == len(COLUMNS) and all(line) and line[0].isdecimal()]


class KeepLines(Checkpoint):
    """Adds a line at an epoch's end, before the checkpoint is written, which holds it."""

    def __init__(self, lines: EpochLines):
        self.lines = lines

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}  # of all processes
        if trainer.is_global_zero:
            place = {"epoch": trainer.current_epoch, "step": trainer.global_step - 1}  # the last, from 0
            self.lines.add(figures | place)

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        checkpoint[LINES] = self.lines.content()

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        self.lines.load(checkpoint.get(LINES))


def _cell(figure: float) -> str:
    return str(figure) if isinstance(figure, int) else f"{figure:.7g}"
