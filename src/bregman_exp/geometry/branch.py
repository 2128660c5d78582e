"""Bounds for the branches of `torch.where`."""

import torch
from torch import Tensor


def not_above(x: Tensor, bound: float) -> Tensor:
    """min(x, bound) with slope 1 at x = bound, so that a branch may end there.

    The slope of `torch.clamp` at its bound depends on the version of torch and on the overload.
    """
    return torch.where(x > bound, bound, x)
