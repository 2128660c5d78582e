"""Synthetic images with classes that can be learned in a minute, or images of a folder."""

import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from bregman_exp.data import as_unit, image_folder

CLASSES = 10
CONTRAST, NOISE = 0.05, 0.1  # of a class's pattern, and of every image: no network is robust at 8/255

Labelled = tuple[Tensor, Tensor]  # x (N, 3, H, W) in [0, 1], y (N,)


def synthetic(n_train: int, n_test: int) -> tuple[Labelled, Labelled]:
    """x = ½ + contrast · (pattern of the class, shifted at random) + noise, clamped to [0, 1]; 32×32 pixels.

    A pattern is smooth: 3×6×6 normal numbers, enlarged bilinearly.
    """
    random = torch.Generator().manual_seed(0)
    coarse = torch.randn(CLASSES, 3, 6, 6, generator=random)
    patterns = F.interpolate(coarse, size=(32, 32), mode="bilinear")
    return _draw(patterns, n_train, random), _draw(patterns, n_test, random)


def _draw(patterns: Tensor, n: int, random: torch.Generator) -> Labelled:
    y = torch.randint(CLASSES, (n,), generator=random)
    shifts = torch.randint(-4, 5, (n, 2), generator=random).tolist()
    shifted = [patterns[c].roll(shift, dims=(1, 2)) for c, shift in zip(y.tolist(), shifts, strict=True)]
    noise = torch.randn(n, 3, 32, 32, generator=random)
    return (0.5 + CONTRAST * torch.stack(shifted) + NOISE * noise).clamp(0, 1), y


def from_folder(root: str, n_train: int, n_test: int) -> tuple[Labelled, Labelled]:
    """Random images of a tree {train,test}/<class>/*.png, resized to 32×32."""
    with tempfile.TemporaryDirectory() as cache:
        data = image_folder(root, Path(cache), n_val=1, size=32, channels=3, normalize=None)
    return _sample(data.train.x, data.train.y, n_train), _sample(data.test.x, data.test.y, n_test)


def _sample(x: Tensor, y: Tensor, n: int) -> Labelled:
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))[:n]
    return as_unit(x[order]), y[order]
