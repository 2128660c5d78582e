"""The batches of an epoch, from tensors that lie on the device."""

import copy
from collections.abc import Iterator, Sequence
from itertools import repeat

import torch
from torch import Tensor

from bregman_exp.data.augment import Crops, crop_flip, draw_crops
from bregman_exp.data.dataset import Split, as_unit, to_device
from bregman_exp.data.errors import DataError
from bregman_exp.keyed_random import generator


class DeviceLoader:
    """Batches (x in [0, 1], y) of an epoch; order and augmentation follow from (seed, epoch) alone.

    In distributed training each of ``world_size`` ranks gets every world_size-th sample of the epoch's order,
    as many as the others (the few samples left over are dropped).
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        *,
        shuffle: bool,
        augment: bool,
        seed: int,
        epoch: int,
        rank: int = 0,
        world_size: int = 1,
    ):
        if batch_size < 1:
            raise DataError(f"batch_size={batch_size}: it must be ≥ 1.")
        if len(split) < world_size:
            raise DataError(f"{len(split)} samples cannot be shared among {world_size} ranks.")
        self.split, self.batch_size = split, batch_size
        self.shuffle, self.augment = shuffle, augment
        self.seed, self.epoch = seed, epoch
        self.rank, self.world_size = rank, world_size

    def __len__(self) -> int:
        return -(-(len(self.split) // self.world_size) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        indices = self.order().to(self.split.y.device).split(self.batch_size)
        crops = self._crops([len(index) for index in indices]) if self.augment else repeat(None)
        for index, of_batch in zip(indices, crops, strict=False):
            x = self.split.x[index]
            if of_batch is not None:
                x = crop_flip(x, of_batch)
            yield as_unit(x), self.split.y[index]

    def _crops(self, sizes: list[int]) -> Iterator[Crops]:
        """Each batch's crops, moved to the device once an epoch: a step waits for no copy."""
        random = generator(self.seed, "augment", self.epoch, self.rank)
        drawn = [draw_crops(n, random) for n in sizes]
        moved = [torch.cat(of_all).to(self.split.x.device) for of_all in zip(*drawn, strict=True)]
        return map(Crops, *(of_all.split(sizes) for of_all in moved))

    def of_seed(self, seed: int) -> "DeviceLoader":
        """The same loader with another seed."""
        other = copy.copy(self)
        other.seed = seed
        return other

    def order(self) -> Tensor:
        """The places of this rank's samples, in the epoch's order."""
        n = len(self.split)
        order = torch.arange(n)
        if self.shuffle:
            order = torch.randperm(n, generator=generator(self.seed, "shuffle", self.epoch))
        share = n // self.world_size
        return order[self.rank : share * self.world_size : self.world_size]


class EpochLoader:
    """The loader of any epoch, on any device; ``batch_size`` is the whole batch, shared among the ranks."""

    def __init__(self, split: Split, batch_size: int, *, shuffle: bool, augment: bool, seed: int):
        self.split, self.batch_size = split, batch_size
        self.shuffle, self.augment, self.seed = shuffle, augment, seed

    def __call__(self, epoch: int, device: torch.device, rank: int, world_size: int) -> DeviceLoader:
        self.split = to_device(self.split, device)  # moves once, then costs nothing
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
    """The loaders of S seeds side by side: batches (x (S, n, …), y (S, n)), each row as its own gives it."""

    def __init__(self, loaders: Sequence[DeviceLoader]):
        self.loaders = list(loaders)

    def __len__(self) -> int:
        return len(self.loaders[0])

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        one, rows = self.loaders[0], len(self.loaders)
        if one.augment:
            for batches in zip(*self.loaders, strict=True):
                yield torch.stack([x for x, _ in batches]), torch.stack([y for _, y in batches])
        elif one.shuffle:
            # one gather for all seeds: a hundred small ones would take longer than the step
            orders = torch.stack([loader.order() for loader in self.loaders]).to(one.split.y.device)  # (S, N)
            for index in orders.split(one.batch_size, dim=1):
                yield as_unit(one.split.x[index]), one.split.y[index]
        else:
            for x, y in one:
                yield x.expand(rows, *x.shape), y.expand(rows, *y.shape)


class StackedEpochLoader:
    """The stacked loader of any epoch: row k sees what the EpochLoader of ``seeds[k]`` gives."""

    def __init__(self, split: Split, batch_size: int, *, shuffle: bool, augment: bool, seeds: Sequence[int]):
        self.seeds = list(seeds)
        self.one = EpochLoader(split, batch_size, shuffle=shuffle, augment=augment, seed=self.seeds[0])

    def __call__(self, epoch: int, device: torch.device, rank: int, world_size: int) -> StackedLoader:
        one = self.one(epoch, device, rank, world_size)
        return StackedLoader([one.of_seed(seed) for seed in self.seeds])
