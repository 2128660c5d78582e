"""Channel statistics of training images, for the first layer of a network."""

from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor

COMPUTED = "computed"  # the value of dataset.normalize that asks for them
LEAST_STD = 1 / 255  # a grey level: a constant channel has none
DIGITS = 6
CHUNK = 1000  # images counted at a time


class Statistics(NamedTuple):
    """Mean and standard deviation of each channel, for images in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def channel_statistics(x: Tensor) -> Statistics:
    """Mean and population standard deviation over images and pixels, of x / 255.

        mean = Σ v / (255 n),    std = max(√(n Σ v² − (Σ v)²) / (255 n), 1/255)

    The sums over all n pixels of a channel are exact, and the results are rounded to 6 digits, so they are
    equal on every platform. Shapes: x (N, C, H, W) uint8, N ≥ 1 -> C values each.
    """
    pairs = [_mean_and_std(_counts(x[:, channel])) for channel in range(x.shape[1])]
    mean, std = zip(*pairs, strict=True)
    return Statistics(mean, std)


def _counts(values: Tensor) -> list[int]:
    """How often each of the 256 values occurs in (N, H, W) uint8."""
    counts = torch.zeros(256, dtype=torch.int64)
    for part in values.split(CHUNK):
        counts += torch.bincount(part.reshape(-1), minlength=256)
    return counts.tolist()


def _mean_and_std(counts: list[int]) -> tuple[float, float]:
    n = sum(counts)
    first = sum(value * count for value, count in enumerate(counts))
    second = sum(value**2 * count for value, count in enumerate(counts))
    std = max(sqrt(n * second - first**2) / (255 * n), LEAST_STD)
    return round(first / (255 * n), DIGITS), round(std, DIGITS)
