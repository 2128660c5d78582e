"""Toy data sets of the reference (Frecon et al., ICML 2022) beside the two spirals: circle, hill, twin hills.

Each split has random numbers of its own, keyed by the seed; coordinates are on the grid of ``two_spiral``.
"""

import math
from collections.abc import Callable

import numpy as np
import torch

from bregman_exp.data.dataset import ClassificationData, DataError, Split
from bregman_exp.data.two_spiral import on_grid

OUTER, INNER, WIDTH = 0.7, 0.1, 0.2  # of the two rings: their inner radii, their width
Samples = Callable[
    [np.random.Generator, int], tuple[np.ndarray, np.ndarray]
]  # n -> x (n, d) in [0, 1], y (n,)


def circle(n_train: int = 1000, n_val: int = 500, n_test: int = 500, seed: int = 0) -> ClassificationData:
    """A disc without its centre inside a ring: class 0 has radii in [0.7, 0.9], class 1 in [0.1, 0.3].

    Radius and angle are uniform; each class has half of the samples. A point p of [−1, 1]² becomes
    (p + 1) / 2.

    Shapes: x (n, 2) float32 in [0, 1], y (n,). Raises DataError for an n below 2 and for a seed below 0.
    """
    return _data("circle", 2, (n_train, n_val, n_test), seed, _rings)


def hill(n_train: int = 1000, n_val: int = 500, n_test: int = 500, seed: int = 0) -> ClassificationData:
    """A step: x uniform on [0, 1), class 0 below ½, class 1 from ½ on.

    Shapes: x (n, 1) float32 in [0, 1], y (n,). Raises DataError for an n below 2 and for a seed below 0.
    """
    return _data("hill", 2, (n_train, n_val, n_test), seed, lambda random, n: _steps(random, n, 2))


def twin_hills(n_train: int = 1000, n_val: int = 500, n_test: int = 500, seed: int = 0) -> ClassificationData:
    """Two steps: x uniform on [0, 1), class 0 below ⅓, class 1 between ⅓ and ⅔, class 2 above.

    Shapes: x (n, 1) float32 in [0, 1], y (n,). Raises DataError for an n below 2 and for a seed below 0.
    """
    return _data("twin_hills", 3, (n_train, n_val, n_test), seed, lambda random, n: _steps(random, n, 3))


def _rings(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(n) % 2
    angle = 2 * math.pi * random.random(n)
    radius = np.where(y == 0, OUTER, INNER) + WIDTH * random.random(n)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return on_grid((points + 1) / 2), y


def _steps(random: np.random.Generator, n: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    x = on_grid(random.random((n, 1)))
    return x, np.minimum(x[:, 0].astype(float) * classes, classes - 1).astype(int)


def _data(
    name: str, classes: int, sizes: tuple[int, int, int], seed: int, samples: Samples
) -> ClassificationData:
    for split, n in zip(("n_train", "n_val", "n_test"), sizes, strict=True):
        if n < 2:
            raise DataError(f"dataset.{split}={n}: it must be ≥ 2.")
    if seed < 0:
        raise DataError(f"dataset.seed={seed}: it must be ≥ 0.")
    splits = [_split(*samples(np.random.default_rng([seed, stream]), n)) for stream, n in enumerate(sizes)]
    names, label = tuple(map(str, range(classes))), name.replace("_", " ")
    return ClassificationData(name, "generated", names, *splits, normalize=None, label=label)


def _split(x: np.ndarray, y: np.ndarray) -> Split:
    return Split(torch.from_numpy(x), torch.from_numpy(y), torch.arange(len(y)))
