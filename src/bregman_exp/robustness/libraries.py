"""What attacks of other libraries need: their package, images as inputs, and seeded global random states."""

import random
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor, nn


def require_package(name: str) -> None:
    """ValueError, with the command that installs it, if the package is missing."""
    if find_spec(name) is None:
        raise ValueError(f"this attack needs the package {name}, which is not installed; pip install {name}.")


def version_of(name: str) -> str:
    """Name and version, e.g. "torch 2.15.0"; only the name if the package is not installed."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name


def seed_everything(seed: int) -> None:
    """Seeds the global random states, which these attacks use; the harness restores the program's own."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


class AsImages(nn.Module):
    """The model with inputs that are images: samples of other shapes are viewed as (d, 1, 1)."""

    def __init__(self, model: nn.Module, shape: torch.Size):
        super().__init__()
        self.model, self.shape = model, shape

    def image(self, x: Tensor) -> Tensor:
        return x if x.dim() == 4 else x.reshape(len(x), -1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.reshape(-1, *self.shape))
