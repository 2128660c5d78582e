"""metrics.csv: one line an epoch. The checkpoint keeps its text, from which a resumed training writes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
ROBUST_ACCURACY = "val/robust_accuracy"
OF_ROBUST = [*COLUMNS[:-1], ROBUST_ACCURACY, COLUMNS[-1]]
LINES = "lines"  # the key of the text in a checkpoint


class EpochLines:
    """The figures of every finished epoch.

    Losses are means in nats, accuracies are fractions, lr is the learning rate at the epoch's start. The
    file is written whole at the first epoch of a process, then appended to. It is read only after a resume
    from an older checkpoint, which lacks the text. ``robust``: with the column of a robust training.
    """

    def __init__(self, path: Path, robust: bool = False):
        self.path, self.columns = path, OF_ROBUST if robust else COLUMNS
        self._lines: list[str] | None = None  # each with its end; None: still to be read from the file
        self._bytes: int | None = None  # size of the file, once it holds these lines

    def add(self, figures: Mapping[str, float]) -> None:
        """Writes the epoch's line; it replaces lines of this epoch and of later ones."""
        line = ",".join(_cell(figures[name]) if name in figures else "" for name in self.columns) + "\r\n"
        lines = self._read() if self._lines is None else self._lines
        if lines and self._is_written() and _epoch(lines[-1]) < figures["epoch"]:
            lines.append(line)
            append(self.path, line.encode())
            self._bytes = (self._bytes or 0) + len(line)  # ASCII
        else:
            self._lines = [other for other in lines if _epoch(other) < figures["epoch"]] + [line]
            content = self.content().encode()
            write_whole(self.path, content, fsync=False)  # it can be restored from the checkpoint
            self._bytes = len(content)

    def content(self) -> str:
        """The text of the file."""
        return ",".join(self.columns) + "\r\n" + "".join(self._lines or [])

    def load(self, content: str | None) -> None:
        """Takes over the text in a checkpoint, or None where it has none."""
        self._lines = None if content is None else self._lines_in(content)

    def restore(self, content: str | None) -> None:
        """Writes the text in the checkpoint of a finished training to the file; None is ignored."""
        if content:
            write_whole(self.path, content.encode())

    def _is_written(self) -> bool:
        """Whether the file has the size with which this process left it."""
        try:
            return self._bytes is not None and self.path.lstat().st_size == self._bytes
        except OSError:
            return False

    def _read(self) -> list[str]:
        """The complete lines of the file; damaged ones are dropped."""
        return self._lines_in(self.path.read_bytes().decode(errors="replace")) if self.path.is_file() else []

    def _lines_in(self, text: str) -> list[str]:
        rows, cells = [row.split(",") for row in text.splitlines()], len(self.columns)  # no cell needs quotes
        return [",".join(row) + "\r\n" for row in rows if len(row) == cells and row[0].isdecimal()]


def text_in(content: Mapping[str, Any]) -> str | None:
    """The text of metrics.csv in a checkpoint; None where it has none."""
    text = content.get(LINES)
    return text if isinstance(text, str) else None


def texts_in(stack: Mapping[str, Any]) -> list[str | None]:
    """The text of each network's metrics.csv in a common checkpoint."""
    texts = stack.get(LINES, [None] * len(stack["seeds"]))
    return [text if isinstance(text, str) else None for text in texts]


def _epoch(line: str) -> int:
    return int(line.partition(",")[0])


def _cell(figure: float) -> str:
    return str(figure) if isinstance(figure, int) else f"{figure:.7g}"
