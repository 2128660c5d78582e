"""The one switch between an ordinary network and its Bregman twin."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bregman_exp.geometry import Activation, as_legendre
from bregman_exp.geometry.straight_through import with_gradient_of

VERSIONS = ("standard", "euclidean", "bregman")


def check_version(version: str) -> str:
    """The version, or a ValueError that lists those that exist."""
    if version not in VERSIONS:
        raise ValueError(f"version={version!r} does not exist; use one of {', '.join(VERSIONS)}.")
    return version


def finite_ends(lo: float, hi: float, dtype: torch.dtype) -> tuple[float, float]:
    """The ends within the dtype's numbers: the largest of float16 is smaller than atan's bound may be."""
    largest = torch.finfo(dtype).max
    return max(lo, -largest), min(hi, largest)


@dataclass(frozen=True)
class DualClamp:
    """u ↦ min(max(u, lo), hi), elementwise, with gradient 0 at both ends; an infinite end does nothing."""

    lo: float = -math.inf
    hi: float = math.inf

    def __call__(self, u: Tensor) -> Tensor:
        if math.isinf(self.lo) and math.isinf(self.hi):
            return u
        lo, hi = finite_ends(self.lo, self.hi, u.dtype)
        return F.hardtanh(u, lo, hi)  # a clamp whose gradient is one pass: that of Tensor.clamp is five

    def straight_through(self) -> "DualClamp":
        """The clamp whose gradient is that of the identity: itself, if it does nothing."""
        return self if math.isinf(self.lo) and math.isinf(self.hi) else StraightThroughClamp(self.lo, self.hi)


@dataclass(frozen=True)
class StraightThroughClamp(DualClamp):
    """The same values, bit for bit, with slope 1 everywhere."""

    def __call__(self, u: Tensor) -> Tensor:
        return with_gradient_of(u, super().__call__(u))


def dual_clamp(act: Activation, version: str, clamp: float | None) -> DualClamp:
    """Holds the dual variable u in [ρ⁻¹(lo + c), ρ⁻¹(hi − c)], as the reference holds z in [lo + c, hi − c].

    ``clamp`` is c; None is the exact formula, without any clamp (a map that is Legendre only inside an
    interval, the sine, keeps u there all the same). Only Bregman networks clamp.

    Raises ValueError for a Bregman version of a map without inverse, and for c outside (0, half the range).
    """
    if version != "bregman":
        return DualClamp()
    return DualClamp(*as_legendre(act).dual_bounds(clamp))
