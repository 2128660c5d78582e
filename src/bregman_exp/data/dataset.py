"""A data set: three splits of tensors in [0, 1] (or uint8), and a fingerprint of their content."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bregman_exp.data.statistics import Statistics
from bregman_exp.keyed_random import generator

MOST_HELD_OUT = 5000  # of CIFAR-10's 50,000 training images
SPLIT_SEED = 0  # of the validation split; it does not depend on the run's seed


class DataError(ValueError):
    """Data that are missing, damaged or not of the expected form; the message is one sentence."""


@dataclass(frozen=True)
class Split:
    """x: uint8 images (N, C, H, W), C = 1 or 3, or float32 points (N, d) in [0, 1]; y, ids: int64 (N,).

    y are the labels. An id is the sample's index in the original set; it identifies the sample in every
    subset and order.
    """

    x: Tensor
    y: Tensor
    ids: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def take(self, index: Tensor) -> "Split":
        """The samples at these indices."""
        return Split(self.x[index], self.y[index], self.ids[index])


@dataclass(frozen=True)
class ClassificationData:
    """A data set with its fixed splits.

    normalize: the channel statistics for the model's first layer, or their name; None for no normalisation.
    label: the name in tables. remarks: sentences about what was skipped or converted while reading.
    """

    name: str
    source: str
    classes: tuple[str, ...]
    train: Split
    val: Split
    test: Split
    normalize: str | Statistics | None
    label: str
    remarks: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @property
    def is_image(self) -> bool:
        return self.train.x.dim() == 4

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over classes, shapes and content of all splits, independent of the path of the data."""
        digest = hashlib.sha256(repr(self.classes).encode())
        for split in (self.train, self.val, self.test):
            for tensor in (split.x, split.y, split.ids):
                digest.update(repr((tuple(tensor.shape), tensor.dtype)).encode())
                digest.update(tensor.contiguous().numpy().data)
        return digest.hexdigest()


def as_unit(x: Tensor) -> Tensor:
    """uint8 0 … 255 as float32 in [0, 1]; floats are returned unchanged."""
    return x.float() / 255 if x.dtype == torch.uint8 else x


def subset(split: Split, n: int, seed: int) -> Split:
    """n samples drawn without replacement with this seed, in the split's order.

    Raises DataError unless 1 ≤ n ≤ len(split).
    """
    if not 1 <= n <= len(split):
        raise DataError(
            f"a subset of {n} samples is not possible with {len(split)} samples; use 1 to {len(split)}."
        )
    chosen = torch.randperm(len(split), generator=generator(seed, "subset"))[:n]
    return split.take(chosen.sort().values)


def hold_out(split: Split, n_val: int | None) -> tuple[Split, Split]:
    """(train, validation): n_val samples held out, by a random choice that never changes.

    None: a tenth of the samples, at least 1 and at most 5,000. Raises DataError unless
    1 ≤ n_val < len(split).
    """
    if n_val is None:
        n_val = max(1, min(len(split) // 10, MOST_HELD_OUT))
    if not 1 <= n_val < len(split):
        raise DataError(
            f"dataset.n_val={n_val} is not possible with {len(split)} training samples; "
            f"use 1 to {len(split) - 1}."
        )
    order = torch.randperm(len(split), generator=generator(SPLIT_SEED, "validation"))
    return split.take(order[n_val:].sort().values), split.take(order[:n_val].sort().values)


def at_most(train: Split, n_train: int | None) -> Split:
    """A fixed subset of n_train training samples, or all for None; raises DataError as ``subset``."""
    return train if n_train is None else subset(train, n_train, SPLIT_SEED)


def to_device(split: Split, device: torch.device) -> Split:
    return Split(split.x.to(device), split.y.to(device), split.ids.to(device))
