"""Hands the batches of an epoch, which ``data/`` makes, to Lightning, singly or in chunks."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Protocol

import pytorch_lightning as pl
import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]  # x (N, …), y (N,)


class Batches(Protocol):
    """The batches (x, y) of an epoch."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


# (epoch, device, rank, world size) -> batches on that device
LoadEpoch = Callable[[int, torch.device, int, int], Batches]

CHUNKS_AN_EPOCH = 8  # at least: between chunks progress is shown and signals are handled


class Chunk(list[Any]):
    """Batches that a training step takes in turn, with an optimizer step for each."""


def batches_in(batch: Any) -> list[Any]:
    """The batches that a training step takes: those of a ``Chunk``, else the batch alone."""
    return batch if isinstance(batch, Chunk) else [batch]


class Chunks:
    """The batches of an epoch in chunks of ``size``, or fewer where the epoch has few batches.

    Lightning's hooks around a training step take 0.5 ms, more than a step of a small MLP; with chunks they
    run once for ``size`` steps. The results are the same.
    """

    def __init__(self, batches: Batches, size: int):
        self.batches, self.steps = batches, len(batches)
        self.size = max(1, min(size, self.steps // CHUNKS_AN_EPOCH))

    def __len__(self) -> int:
        return -(-self.steps // self.size)

    def __iter__(self) -> Iterator[Chunk]:
        batches = iter(self.batches)
        while chunk := Chunk(islice(batches, self.size)):
            yield chunk


class Epochs(pl.LightningDataModule):
    """Gives Lightning a new loader for every epoch (``reload_dataloaders_every_n_epochs=1``).

    The batches of an epoch depend on its number alone, so a resumed run sees those of an uninterrupted one.
    ``chunk``: how many training batches a training step takes.
    """

    def __init__(self, train: LoadEpoch, val: LoadEpoch, chunk: int = 1):
        super().__init__()
        self.train, self.val, self.chunk = train, val, chunk

    def train_dataloader(self) -> Batches:
        batches = self._load(self.train)
        return batches if self.chunk == 1 else Chunks(batches, self.chunk)

    def val_dataloader(self) -> Batches:
        return self._load(self.val)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """The batch as it is: the loaders give batches on their device."""
        return batch

    def _load(self, loader: LoadEpoch) -> Batches:
        trainer = self.trainer
        assert trainer is not None
        return loader(
            trainer.current_epoch, trainer.strategy.root_device, trainer.global_rank, trainer.world_size
        )


def steps_per_epoch(trainer: pl.Trainer) -> int:
    """Optimizer steps of an epoch, in chunks or not; the trainer must have loaded its data."""
    loader = trainer.train_dataloader
    return loader.steps if isinstance(loader, Chunks) else int(trainer.num_training_batches)
