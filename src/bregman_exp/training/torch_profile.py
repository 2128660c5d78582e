"""trainer.profiler=pytorch: what torch computes in the first training steps, and how long it takes."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.profiler import ProfilerActivity, profile

PROFILED = 10  # training batches, from the second on: the first allocates and chooses kernels
ROWS = 50  # operations in the report


class TorchProfile(Callback):
    """Writes <folder>/profile.txt (operations by their time) and profile.json (chrome://tracing).

    Lightning's own profiler needs five batches at least, and raises an error in a shorter training.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._profile: profile | None = None
        self._batches = 0

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        of_one = (trainer.max_epochs or 1) * trainer.num_training_batches == 1
        if self._batches == (0 if of_one else 1) and trainer.is_global_zero:
            on_gpu = [ProfilerActivity.CUDA] if torch.cuda.is_available() else []
            self._profile = profile(activities=[ProfilerActivity.CPU, *on_gpu])
            self._profile.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._batches += 1
        if self._batches > PROFILED:
            self._write()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self._write()

    def _write(self) -> None:
        ended, self._profile = self._profile, None
        if ended is None:
            return
        ended.stop()
        by = "self_cuda_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
        (self.folder / "profile.txt").write_text(ended.key_averages().table(sort_by=by, row_limit=ROWS))
        ended.export_chrome_trace(str(self.folder / "profile.json"))
