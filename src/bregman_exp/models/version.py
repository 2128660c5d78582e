"""The one switch between an ordinary network and its Bregman twin."""

from collections.abc import Callable

from torch import Tensor

from bregman_exp.geometry import Activation, LegendreMap, as_legendre

VERSIONS = ("standard", "euclidean", "bregman")


def check_version(version: str) -> str:
    """The version, or a ValueError that lists those that exist."""
    if version not in VERSIONS:
        raise ValueError(f"version={version!r} does not exist; use one of {', '.join(VERSIONS)}.")
    return version


def dual_clamp(act: Activation, version: str, clamp: float | None) -> Callable[[Tensor], Tensor]:
    """What holds the dual variable u inside [ρ⁻¹(lo + c), ρ⁻¹(hi − c)], as the reference holds z in [lo + c, hi − c].

    ``clamp`` is c; None is the exact formula, without any clamp (a map that is Legendre only inside an
    interval, the sine, keeps u there all the same). Only Bregman networks clamp.

    Raises ValueError for a Bregman version of a map without inverse, and for c outside (0, half the range).
    """
    if version != "bregman":
        return lambda u: u
    lo, hi = as_legendre(act).dual_bounds(check_clamp(as_legendre(act), clamp))
    below, above = (None if abs(end) == float("inf") else end for end in (lo, hi))
    if below is None and above is None:
        return lambda u: u
    return lambda u: u.clamp(below, above)


def check_clamp(act: LegendreMap, clamp: float | None) -> float | None:
    """The clamp, or a ValueError where it leaves nothing of the range of ρ."""
    lo, hi = act.range
    if clamp is not None and not 0 < clamp < min((hi - lo) / 2, 1.0):
        raise ValueError(
            f"clamp={clamp} is not allowed; it must lie in (0, {min((hi - lo) / 2, 1.0):g}), "
            "or be null for the exact formula."
        )
    return clamp
