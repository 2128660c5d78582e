"""metrics.csv: one line an epoch, kept in the checkpoint, from which a resumed training writes the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from bregman_exp.whole_file import append, write_whole

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
HEADING = ",".join(COLUMNS) + "\r\n"
LINES = "lines"  # the text's key in a checkpoint


class EpochLines:
    """The figures of every finished epoch: losses are means in nats, accuracies fractions, lr the learning
    rate at the epoch's start.

    The file is written whole at the first epoch of a process, then appended to. It is read only where the
    checkpoint has no text of it, which older ones have not.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lines: list[str] | None = None  # once known, each with its end
        self._bytes: int | None = None  # of the file, once it holds these lines

    def add(self, figures: Mapping[str, float]) -> None:
        """Writes the epoch's line, in the place of those of this epoch and later ones that were there."""
        line = ",".join(_cell(figures[name]) if name in figures else "" for name in COLUMNS) + "\r\n"
        known = self._of_file() if self._lines is None else self._lines
        if known and self._is_written() and _epoch(known[-1]) < figures["epoch"]:
            known.append(line)
            append(self.path, line.encode())
            self._bytes = (self._bytes or 0) + len(line)  # ASCII
        else:
            self._lines = [other for other in known if _epoch(other) < figures["epoch"]] + [line]
            content = self.content().encode()
            write_whole(self.path, content, fsync=False)  # it follows from the checkpoint
            self._bytes = len(content)

    def content(self) -> str:
        """The file's text."""
        return HEADING + "".join(self._lines or [])

    def load(self, content: str | None) -> None:
        """The text in a checkpoint; None for one that has none."""
        self._lines = None if content is None else _lines_in(content)

    def restore(self, content: str | None) -> None:
        """Writes the text in a checkpoint with which training has ended, where it has any."""
        if content:
            write_whole(self.path, content.encode())

    def _is_written(self) -> bool:
        """Whether the file is as this process left it, as far as its size says."""
        try:
            return self._bytes is not None and self.path.lstat().st_size == self._bytes
        except OSError:
            return False

    def _of_file(self) -> list[str]:
        """The whole lines of the file; what else is there is damaged, and not worth an error."""
        return _lines_in(self.path.read_bytes().decode(errors="replace")) if self.path.is_file() else []


def text_in(content: Mapping[str, Any]) -> str | None:
    """What a checkpoint has of metrics.csv; None where it has no text of it."""
    text = content.get(LINES)
    return text if isinstance(text, str) else None


def texts_in(stack: Mapping[str, Any]) -> list[str | None]:
    """The same for each network in a common checkpoint."""
    texts = stack.get(LINES, [None] * len(stack["seeds"]))
    return [text if isinstance(text, str) else None for text in texts]


def _lines_in(text: str) -> list[str]:
    rows = [row.split(",") for row in text.splitlines()]  # none of ours needs quotes
    return [",".join(row) + "\r\n" for row in rows if len(row) == len(COLUMNS) and row[0].isdecimal()]


def _epoch(line: str) -> int:
    return int(line.partition(",")[0])


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
        self.lines.load(text_in(checkpoint))


def _cell(figure: float) -> str:
    return str(figure) if isinstance(figure, int) else f"{figure:.7g}"
