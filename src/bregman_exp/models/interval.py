"""Bounds of an MLP's values over boxes of inputs: interval arithmetic, tightened to first order."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bregman_exp.geometry import Activation, LegendreMap
from bregman_exp.geometry.not_legendre import Relu

# Every bound is moved outward by this part of 1 + the size of its terms: thousands of float64 roundings.
OUTWARD = 1e-12


@dataclass(frozen=True)
class Enclosure:
    """What is known of a vector v(x) for all x of a cell |x − centre| ≤ radius, for M cells at once.

    lo ≤ v(x) ≤ hi and |∂v/∂x − slope| ≤ spread in the whole cell; ``at_centre`` is v(centre). The slopes
    bound v once more, v(x) ∈ v(centre) ± (|slope| + spread) · radius (the mean-value form: Moore, Kearfott,
    Cloud, "Introduction to Interval Analysis", 2009), which overestimates in second order of the radius.
    A NaN, from ∞ − ∞ or 0/0 where a map saturates, stands for "nothing known": it never tightens a bound.

    Shapes: radius (M, d), at_centre, lo, hi (M, n), slope and spread (M, n, d).
    """

    radius: Tensor
    at_centre: Tensor
    lo: Tensor
    hi: Tensor
    slope: Tensor
    spread: Tensor

    def tightened(self) -> "Enclosure":
        """The same with lo and hi cut to the mean-value form."""
        reach = ((self.slope.abs() + self.spread) @ self.radius[:, :, None]).squeeze(-1)  # (M, n)
        reach = reach + OUTWARD * (1 + self.at_centre.abs() + reach)
        # fmax and fmin pass over a NaN
        lo, hi = self.at_centre - reach, self.at_centre + reach
        return replace(self, lo=torch.fmax(self.lo, lo), hi=torch.fmin(self.hi, hi))


def cells(lo: Tensor, hi: Tensor) -> Enclosure:
    """The input itself over the boxes [lo, hi] (M, d): its slope is the identity."""
    one = torch.eye(lo.shape[1], dtype=lo.dtype, device=lo.device).expand(len(lo), -1, -1)
    return Enclosure((hi - lo) / 2, (lo + hi) / 2, lo, hi, one, torch.zeros_like(one))


def affine(v: Enclosure, weight: Tensor, bias: Tensor | None = None) -> Enclosure:
    """W v + b with W (out, n), split in its positive and negative part, and b (out,)."""
    lo, hi = _linear_bounds(v.lo, v.hi, weight)
    shift = weight.new_zeros(()) if bias is None else bias
    lo, hi = lo + shift - OUTWARD * shift.abs(), hi + shift + OUTWARD * shift.abs()
    centre = v.at_centre @ weight.T + shift
    spread = weight.abs() @ (v.spread + OUTWARD * v.slope.abs())
    return Enclosure(v.radius, centre, lo, hi, weight @ v.slope, spread).tightened()


def increasing(v: Enclosure, f: Callable[[Tensor], Tensor], slopes: tuple[Tensor, Tensor]) -> Enclosure:
    """f(v), f elementwise and increasing, its slope in [v.lo, v.hi] within ``slopes``: least, most (M, n)."""
    least, most = slopes
    middle, half = ((most + least) / 2)[:, :, None], ((most - least) / 2)[:, :, None]
    spread = middle * (v.spread + OUTWARD * v.slope.abs()) + half * (v.slope.abs() + v.spread)
    lo, hi = outward(f(v.lo), f(v.hi))
    return Enclosure(v.radius, f(v.at_centre), lo, hi, middle * v.slope, spread).tightened()


def bregman_step(
    u: Enclosure,
    act: LegendreMap,
    weight: Tensor,
    bias: Tensor,
    hold: Callable[[Tensor], Tensor],
    mixing: Tensor | None,
) -> Enclosure:
    """u' = hold(s) + W ρ(u) + b, where s = u, or ρ⁻¹(R ρ(u)) with R = ``mixing`` ≥ 0, increasing in each u_j.

    Its slope is one matrix, hold'(s_i) ∂s_i/∂u_j + W_ij ρ'(u_j), so that skip and update may cancel in it
    before it meets the slope of u. W (out, n), R (out, n), u with n entries -> u' with out.
    """
    least, most = slope_range(act, u.lo, u.hi)  # of ρ, (M, n)
    s_lo, s_hi, s_centre = u.lo, u.hi, u.at_centre
    skip_least = skip_most = torch.eye(u.lo.shape[1], dtype=u.lo.dtype, device=u.lo.device)  # ∂s/∂u
    if mixing is not None:
        s_lo, s_hi = outward(act.dual_average(u.lo, mixing), act.dual_average(u.hi, mixing))
        s_centre = act.dual_average(u.at_centre, mixing)
        of_s = slope_range(act, s_lo, s_hi)
        skip_least = mixing * least[:, None, :] / of_s[1][:, :, None]  # (M, out, n)
        skip_most = mixing * most[:, None, :] / of_s[0][:, :, None]
    held_least, held_most = _hold_slopes(hold, s_lo, s_hi)  # (M, out)
    skip_least, skip_most = held_least[:, :, None] * skip_least, held_most[:, :, None] * skip_most

    matrix = (skip_least + skip_most) / 2 + weight * ((least + most) / 2)[:, None, :]
    around = (skip_most - skip_least) / 2 + weight.abs() * ((most - least) / 2)[:, None, :]
    slope_size = u.slope.abs()
    spread = matrix.abs() @ (u.spread + OUTWARD * slope_size) + around @ (slope_size + u.spread)

    lo, hi = _linear_bounds(*outward(act.act(u.lo), act.act(u.hi)), weight)
    lo, hi = outward(hold(s_lo) + lo + bias, hold(s_hi) + hi + bias)
    centre = hold(s_centre) + act.act(u.at_centre) @ weight.T + bias
    return Enclosure(u.radius, centre, lo, hi, matrix @ u.slope, spread).tightened()


def check_increasing(act: Activation) -> None:
    """ValueError for an activation that is not increasing, or whose slope is not known to be unimodal."""
    if not isinstance(act, LegendreMap | Relu):
        raise ValueError(
            f"activation {act.name!r} is not increasing, so its bounds over an interval are not those at the "
            "ends; exact bounds need a Legendre map or relu."
        )


def slope_range(act: Activation, lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
    """Bounds of ρ' over [lo, hi], elementwise.

    ρ' of every map here is monotone on either side of 0 (odd maps and sigmoid have their peak there,
    softplus and squareplus a slope that only grows, the piecewise ones a kink), so that it lies between its
    values at the ends and, where 0 is inside, just beside 0.
    """
    crosses = (lo <= 0) & (hi >= 0)
    beside = torch.full_like(lo, 1e-300)
    points = [lo, hi, torch.where(crosses, -beside, lo), torch.where(crosses, beside, lo)]
    slopes = _slope(act, torch.stack(points))  # (4, M, n)
    least, most = slopes.amin(0), slopes.amax(0)
    return least * (1 - OUTWARD), most * (1 + OUTWARD)


def outward(lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
    """Both bounds moved apart by more than float64 rounds."""
    margin = OUTWARD * (1 + torch.maximum(lo.abs(), hi.abs()))
    return lo - margin, hi + margin


def _slope(act: Activation, u: Tensor) -> Tensor:
    """ρ'(u), elementwise, by the derivative that training uses."""
    with torch.enable_grad():
        u = u.detach().requires_grad_()
        (slope,) = torch.autograd.grad(act.act(u).sum(), u)
    return slope


def _linear_bounds(lo: Tensor, hi: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Bounds of W v for lo ≤ v ≤ hi, (M, n) -> (M, out)."""
    plus, minus = weight.clamp(min=0).T, weight.clamp(max=0).T
    margin = OUTWARD * (1 + torch.maximum(lo.abs(), hi.abs()) @ weight.abs().T)
    return lo @ plus + hi @ minus - margin, hi @ plus + lo @ minus + margin


def _hold_slopes(hold: Callable[[Tensor], Tensor], lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
    """Bounds of the slope of a clamp over [lo, hi]: 1 where it moves neither end, 0 where it joins them."""
    held_lo, held_hi = hold(lo), hold(hi)
    untouched = (held_lo == lo) & (held_hi == hi)
    constant = (held_lo == held_hi) & ~untouched
    return untouched.to(lo), (~constant).to(lo)
