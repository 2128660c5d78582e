"""The one switch between an ordinary network and its Bregman twin."""

import math
from dataclasses import dataclass

from torch import Tensor

from bregman_exp.geometry import Activation, LegendreMap, as_legendre

VERSIONS = ("standard", "euclidean", "bregman")


def check_version(version: str) -> str:
    """The version, or a ValueError that lists those that exist."""
    if version not in VERSIONS:
        raise ValueError(f"version={version!r} does not exist; use one of {', '.join(VERSIONS)}.")
    return version


@dataclass(frozen=True)
class DualClamp:
    """u ↦ min(max(u, lo), hi), elementwise; an infinite end does nothing."""

    lo: float = -math.inf
    hi: float = math.inf

    def __call__(self, u: Tensor) -> Tensor:
        below, above = (None if math.isinf(end) else end for end in (self.lo, self.hi))
        return u if below is None and above is None else u.clamp(below, above)


def dual_clamp(act: Activation, version: str, clamp: float | None) -> DualClamp:
    """Holds the dual variable u in [ρ⁻¹(lo + c), ρ⁻¹(hi − c)], as the reference holds z in [lo + c, hi − c].

    ``clamp`` is c; None is the exact formula, without any clamp (a map that is Legendre only inside an
    interval, the sine, keeps u there all the same). Only Bregman networks clamp.

    Raises ValueError for a Bregman version of a map without inverse, and for c outside (0, half the range).
    """
    if version != "bregman":
        return DualClamp()
    legendre = as_legendre(act)
    _check_clamp(legendre, clamp)
    return DualClamp(*legendre.dual_bounds(clamp))


def _check_clamp(act: LegendreMap, clamp: float | None) -> None:
    lo, hi = act.range
    limit = min((hi - lo) / 2, 1.0)
    if clamp is not None and not 0 < clamp < limit:
        raise ValueError(
            f"clamp={clamp} is not allowed; it must lie in (0, {limit:g}), or be null for the exact formula."
        )
