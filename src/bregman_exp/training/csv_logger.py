"""metrics.csv: one line an epoch, kept across an interruption."""

import csv
from pathlib import Path
from typing import Any

from lightning_fabric.utilities.rank_zero import rank_zero_only
from pytorch_lightning.loggers.logger import Logger

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


class CsvLogger(Logger):
    """Writes an epoch's figures to a CSV file: losses are means in nats, accuracies fractions, lr the
    learning rate at the epoch's start.

    Lightning's own CSV logger deletes the earlier file when a run resumes; here a line is only replaced when
    its epoch is run again.
    """

    def __init__(self, path: Path):
        super().__init__()
        self.path = path
        self._row: dict[str, Any] = {}
        self._last: int | None = None  # the epoch of the file's last line, once known

    @property
    def name(self) -> str:
        return "csv"

    @property
    def version(self) -> str:
        return ""

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """config.yaml holds them already."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Collects the figures of an epoch; the training loss comes last and completes the line."""
        self._row |= metrics | {"epoch": int(metrics["epoch"]), "step": step}
        if "train/loss" in metrics:
            self._write(self._row)
            self._row = {}

    def _write(self, row: dict[str, Any]) -> None:
        if self._last is None or self._last != row["epoch"] - 1:  # a start or a resume
            self._rewrite(self._lines_before(row["epoch"]))
        self._last = row["epoch"]
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS, extrasaction="ignore").writerow(
                {k: f"{v:.7g}" for k, v in row.items()}
            )

    def _lines_before(self, epoch: int) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            # a line cut off by a kill lacks its last column
            return [row for row in csv.DictReader(file) if row["seconds"] and int(row["epoch"]) < epoch]

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        with self.path.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
