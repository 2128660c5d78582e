"""The batches of an epoch, from tensors that lie on the device."""

from collections.abc import Iterator

import torch
from torch import Tensor

from bregman_exp.data.augment import random_crop_flip
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
        order = self._order().to(self.split.y.device)
        random = generator(self.seed, "augment", self.epoch, self.rank)
        for index in order.split(self.batch_size):
            x = self.split.x[index]
            if self.augment:
                x = random_crop_flip(x, random)
            yield as_unit(x), self.split.y[index]

    def _order(self) -> Tensor:
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
