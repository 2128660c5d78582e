"""The version of a network (standard, euclidean, bregman) and the clamp of its dual variable."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bregman_exp.geometry import Activation, as_legendre
from bregman_exp.geometry.as_released import AsReleased
from bregman_exp.geometry.clamping import Number, clamp_between, with_gradient_of

VERSIONS = ("standard", "euclidean", "bregman")


def check_version(version: str) -> str:
    """The version; ValueError if it does not exist."""
    if version not in VERSIONS:
        raise ValueError(f"version={version!r} does not exist; use one of {', '.join(VERSIONS)}.")
    return version


def finite_ends(lo: float, hi: float, dtype: torch.dtype) -> tuple[float, float]:
    """lo and hi, limited to the dtype's finite numbers: a bound of atan can exceed the largest float16."""
    largest = torch.finfo(dtype).max
    return max(lo, -largest), min(hi, largest)


@dataclass(frozen=True)
class DualClamp:
    """u ↦ min(max(u, lo), hi), elementwise, with gradient 0 at both ends; an infinite end does not clamp.

    The ends are tensors where they follow from learned parameters; those get the gradient where it clamps.
    """

    lo: Number = -math.inf
    hi: Number = math.inf

    @property
    def zero(self) -> float:
        """What the skip carries of channels that are padded with ρ(0)."""
        return 0.0

    def __call__(self, u: Tensor) -> Tensor:
        if self._is_identity:
            return u
        if isinstance(self.lo, Tensor) or isinstance(self.hi, Tensor):
            return clamp_between(u, self.lo, self.hi)
        lo, hi = finite_ends(self.lo, self.hi, u.dtype)
        return F.hardtanh(u, lo, hi)  # its gradient takes one pass over memory, that of Tensor.clamp five

    def straight_through(self) -> "DualClamp":
        """The same clamp with the gradient of the identity; self if both ends are infinite."""
        return self if self._is_identity else StraightThroughClamp(self.lo, self.hi)

    @property
    def _is_identity(self) -> bool:
        return all(not isinstance(end, Tensor) and math.isinf(end) for end in (self.lo, self.hi))


@dataclass(frozen=True)
class StraightThroughClamp(DualClamp):
    """The same values, bit for bit, with gradient 1 everywhere."""

    def __call__(self, u: Tensor) -> Tensor:
        return with_gradient_of(u, super().__call__(u))


@dataclass(frozen=True, kw_only=True)
class ReleasedSkip(DualClamp):
    """u ↦ ρ⁻¹(clamp(ρ(u), lo, hi)) of a map ``AsReleased``, whose ρ⁻¹ is no inverse; lo and hi bound z."""

    act: AsReleased

    @property
    def zero(self) -> float:
        return float(self.act.inverse(torch.tensor(self.act.zero, dtype=torch.float64, device="cpu")))

    def __call__(self, u: Tensor) -> Tensor:
        return self.act.inverse(clamp_between(self.act.act(u), self.lo, self.hi))

    def straight_through(self) -> DualClamp:
        return self


def dual_clamp(act: Activation, version: str, clamp: float | None) -> DualClamp:
    """The clamp of u to [ρ⁻¹(lo + c), ρ⁻¹(hi − c)]; the reference clamps z to [lo + c, hi − c].

    ``clamp`` is c; None is the exact formula, without a clamp (except that the sine always clamps u to
    ±π/2, where it is Legendre). Only Bregman networks clamp.

    Raises ValueError for a Bregman version of a map without inverse, and for c outside (0, half the range).
    """
    if version != "bregman":
        return DualClamp()
    if isinstance(act, AsReleased):
        (lo, hi), c = act.range, clamp or 0.0
        return ReleasedSkip(lo=lo + c, hi=hi - c, act=act)
    return DualClamp(*as_legendre(act).dual_bounds(clamp))
