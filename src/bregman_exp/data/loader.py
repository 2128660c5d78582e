"""The batches of an epoch, from tensors on the device: shuffled, cropped, flipped.

ResNets on a GPU take the same batches from ``planned_batches.py``.
"""

import copy
from collections.abc import Iterator, Sequence
from itertools import repeat

import torch
from torch import Tensor

from bregman_exp.data.augment import Augmentation, Crops, crop_flip, draw_crops
from bregman_exp.data.dataset import DataError, Split, as_unit, to_device
from bregman_exp.keyed_random import generator


class DeviceLoader:
    """Batches (x in [0, 1], y) of an epoch; order and augmentation depend only on (seed, epoch).

    In distributed training each of ``world_size`` ranks gets every world_size-th sample of the epoch's order.
    All ranks get equally many; the remainder is dropped.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        *,
        shuffle: bool,
        augment: Augmentation | None,
        seed: int,
        epoch: int,
        rank: int = 0,
        world_size: int = 1,
    ):
        if batch_size < 1:
            raise DataError(f"batch_size={batch_size}: it must be ≥ 1.")
        if len(split) < world_size:
            raise DataError(
                f"{len(split)} samples cannot be shared among {world_size} ranks; use fewer devices."
            )
        self.split, self.batch_size = split, batch_size
        self.shuffle, self.augment = shuffle, augment
        self.seed, self.epoch = seed, epoch
        self.rank, self.world_size = rank, world_size

    def __len__(self) -> int:
        return -(-(len(self.split) // self.world_size) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        indices = self.order().to(self.split.y.device).split(self.batch_size)
        sizes = [len(index) for index in indices]
        crops = repeat(None) if self.augment is None else self._crops(sizes, self.augment)
        for index, batch_crops in zip(indices, crops, strict=False):
            x = self.split.x[index]
            if batch_crops is not None:
                x = crop_flip(x, batch_crops)
            yield as_unit(x), self.split.y[index]

    def _crops(self, sizes: list[int], augment: Augmentation) -> Iterator[Crops]:
        """The crops of each batch, copied to the device once an epoch, so that no step waits for a copy."""
        random = generator(self.seed, "augment", self.epoch, self.rank)
        crops = [draw_crops(n, random, flip=augment.flip) for n in sizes]
        fields = [torch.cat(field).to(self.split.x.device) for field in zip(*crops, strict=True)]
        return map(Crops, *(field.split(sizes) for field in fields))

    def with_seed(self, seed: int) -> "DeviceLoader":
        """This loader with another seed."""
        loader = copy.copy(self)
        loader.seed = seed
        return loader

    def order(self) -> Tensor:
        """The indices of this rank's samples, in the epoch's order."""
        n = len(self.split)
        order = torch.arange(n)
        if self.shuffle:
            order = torch.randperm(n, generator=generator(self.seed, "shuffle", self.epoch))
        share = n // self.world_size
        return order[self.rank : share * self.world_size : self.world_size]


class EpochLoader:
    """Makes the loader of an epoch on a device; ``batch_size`` is the sum over all ranks."""

    def __init__(
        self, split: Split, batch_size: int, *, shuffle: bool, augment: Augmentation | None, seed: int
    ):
        self.split, self.batch_size = split, batch_size
        self.shuffle, self.augment, self.seed = shuffle, augment, seed

    def __call__(self, epoch: int, device: torch.device, rank: int, world_size: int) -> DeviceLoader:
        self.split = to_device(self.split, device)  # copies only the first time
        return DeviceLoader(
            self.split,
            self.batch_size // world_size,
            shuffle=self.shuffle,
            augment=self.augment,
            seed=self.seed,
            epoch=epoch,
            rank=rank,
            world_size=world_size,
        )


class StackedLoader:
    """The batches of S seeds as one: x (S, n, …), y (S, n); row k is the batch of loader k."""

    def __init__(self, loaders: Sequence[DeviceLoader]):
        self.loaders = list(loaders)

    def __len__(self) -> int:
        return len(self.loaders[0])

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        first, rows = self.loaders[0], len(self.loaders)
        if first.augment is not None:
            for batches in zip(*self.loaders, strict=True):
                yield torch.stack([x for x, _ in batches]), torch.stack([y for _, y in batches])
        elif first.shuffle:
            # A single gather for all seeds: a hundred small ones would take longer than the step.
            split, orders = first.split, torch.stack([loader.order() for loader in self.loaders])  # (S, N)
            for index in orders.to(split.y.device).split(first.batch_size, dim=1):
                yield as_unit(split.x[index]), split.y[index]
        else:
            for x, y in first:
                yield x.expand(rows, *x.shape), y.expand(rows, *y.shape)


class StackedEpochLoader:
    """Makes the stacked loader of an epoch: row k gets the batches of the EpochLoader of ``seeds[k]``."""

    def __init__(
        self,
        split: Split,
        batch_size: int,
        *,
        shuffle: bool,
        augment: Augmentation | None,
        seeds: Sequence[int],
    ):
        self.seeds = list(seeds)
        self.first = EpochLoader(split, batch_size, shuffle=shuffle, augment=augment, seed=self.seeds[0])

    def __call__(self, epoch: int, device: torch.device, rank: int, world_size: int) -> StackedLoader:
        first = self.first(epoch, device, rank, world_size)
        return StackedLoader([first.with_seed(seed) for seed in self.seeds])
