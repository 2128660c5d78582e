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


class Accumulation(list[Any]):
    """Batches of one optimizer step, whose gradients are averaged over all their samples."""


def parts_of(batch: Any) -> list[Any]:
    """The batches whose gradients make an optimizer step: those of an ``Accumulation``, else the batch."""
    return batch if isinstance(batch, Accumulation) else [batch]


class Accumulated:
    """The batches of an epoch, ``size`` of them for each optimizer step; the last step may have fewer."""

    def __init__(self, batches: Batches, size: int):
        self.batches, self.size = batches, size

    def __len__(self) -> int:
        return -(-len(self.batches) // self.size)

    def __iter__(self) -> Iterator[Accumulation]:
        batches = iter(self.batches)
        while group := Accumulation(islice(batches, self.size)):
            yield group


class FirstBatches:
    """The first ``n`` batches of an epoch."""

    def __init__(self, batches: Batches, n: int):
        self.batches, self.n = batches, n

    def __len__(self) -> int:
        return min(self.n, len(self.batches))

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self.batches), len(self))


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
    ``chunk``: how many optimizer steps a training step takes. ``limited``: how many of an epoch's training
    batches are used. ``accumulate``: batches of an optimizer step. ``most_val``: of validation; None: all.
    """

    def __init__(
        self,
        train: LoadEpoch,
        val: LoadEpoch,
        chunk: int = 1,
        limited: Callable[[int], int] | None = None,
        accumulate: int = 1,
        most_val: int | None = None,
    ):
        super().__init__()
        self.train, self.val, self.chunk = train, val, chunk
        self.limited, self.accumulate, self.most_val = limited, accumulate, most_val

    def train_dataloader(self) -> Batches:
        batches = self._load(self.train)
        if self.limited is not None:
            batches = FirstBatches(batches, self.limited(len(batches)))
        if self.accumulate > 1:
            batches = Accumulated(batches, self.accumulate)
        return batches if self.chunk == 1 else Chunks(batches, self.chunk)

    def val_dataloader(self) -> Batches:
        batches = self._load(self.val)
        return batches if self.most_val is None else FirstBatches(batches, self.most_val)

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
