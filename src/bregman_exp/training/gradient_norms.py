"""logger.gradients=true: the norm of the gradient by layer, once an epoch."""

import csv
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import nn

from bregman_exp.whole_file import write_whole

FILE = "gradients.csv"


class GradientNorms(Callback):
    """The ℓ2 norms ‖∂loss/∂W‖ of an epoch's last step, as the optimizer got it (after clipping).

    They go to the trackers as ``gradient/<layer>`` and to <folder>/gradients.csv, a line an epoch; a layer is
    a module with parameters of its own. After a resume the lines of earlier epochs stay.
    """

    def __init__(self, folder: Path):
        self.path = folder / FILE
        self._norms: dict[str, float] = {}

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == trainer.num_training_batches - 1:  # at the epoch's end the gradients are gone
            self._norms = gradient_norms(cast(nn.Module, pl_module.model))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        figures = {f"gradient/{name}": norm for name, norm in self._norms.items()}
        pl_module.log_dict(figures, rank_zero_only=True)
        self._write({"epoch": float(trainer.current_epoch), **self._norms})

    def _write(self, line: dict[str, float]) -> None:
        old = csv.DictReader(self.path.read_text().splitlines()) if self.path.is_file() else ()
        lines = [row for row in old if float(row["epoch"]) < line["epoch"]]
        text = StringIO()
        writer = csv.DictWriter(text, list(line), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(lines)
        writer.writerow({"epoch": int(line["epoch"])} | {k: f"{line[k]:.7g}" for k in list(line)[1:]})
        write_whole(self.path, text.getvalue().encode(), fsync=False)


def gradient_norms(model: nn.Module) -> dict[str, float]:
    """By layer, over its own parameters that have a gradient."""
    norms: dict[str, float] = {}
    for name, module in model.named_modules():
        own = [p.grad.flatten() for p in module.parameters(recurse=False) if p.grad is not None]
        if own:
            norms[name or "model"] = float(torch.cat(own).float().norm())
    return norms
