"""Two interleaved spirals in the plane."""

import math

import numpy as np
import torch

from bregman_exp.data.dataset import ClassificationData, DataError, Split

SCALE = 5 * math.pi + 4  # the arms end at radius 5π; noise beyond 4 is clamped
GRID = 2.0**20  # coordinates are rounded to multiples of 2⁻²⁰, so that they are equal on every platform


def two_spiral(
    n_train: int = 1000, n_val: int = 500, n_test: int = 500, noise: float = 1.0, seed: int = 0
) -> ClassificationData:
    """The two-spiral data of Frecon et al. (ICML 2022), with one fixed scale for all splits.

    With U uniform on [0, 1], θ = 2π√U and r = 2θ + π, class 0 is at (r cos θ, r sin θ) and class 1 at
    −(r cos θ, r sin θ), with Gaussian noise of standard deviation ``noise`` in each coordinate; each class
    has half of the samples. A point p becomes (p / (5π + 4) + 1) / 2, clamped to [0, 1].

    Shapes: x (n, 2) float32 in [0, 1], y (n,). Raises DataError for an odd or too small n and for a noise
    or seed below 0.
    """
    sizes = {"n_train": n_train, "n_val": n_val, "n_test": n_test}
    for name, n in sizes.items():
        if n < 2 or n % 2:
            raise DataError(f"dataset.{name}={n}: two spirals need an even number of samples, at least 2.")
    if not 0 <= noise < math.inf:
        raise DataError(f"dataset.noise={noise}: the standard deviation must be ≥ 0.")
    if seed < 0:
        raise DataError(f"dataset.seed={seed}: it must be ≥ 0.")
    splits = [_split(n, noise, seed, stream) for stream, n in enumerate(sizes.values())]
    return ClassificationData(
        "two_spiral", "generated", ("0", "1"), *splits, normalize=None, label="two-spiral"
    )


def _split(n: int, noise: float, seed: int, stream: int) -> Split:
    random = np.random.default_rng([seed, stream])
    theta = 2 * math.pi * np.sqrt(random.random(n))
    y = np.arange(n) % 2
    radius = (2 * theta + math.pi) * (1 - 2 * y)
    points = np.stack([np.cos(theta), np.sin(theta)], axis=1) * radius[:, None]
    points += noise * random.standard_normal((n, 2))
    unit = np.clip((points / SCALE + 1) / 2, 0, 1)
    return Split(torch.from_numpy(on_grid(unit)), torch.from_numpy(y), torch.arange(n))


def on_grid(x: np.ndarray) -> np.ndarray:
    """Coordinates in [0, 1], rounded to multiples of 2⁻²⁰, as float32, where they are exact."""
    return (np.round(x * GRID) / GRID).astype(np.float32)
