"""Bounds of an MLP's values over boxes of inputs: interval arithmetic with the mean-value form."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bregman_exp.geometry import Activation, LegendreMap
from bregman_exp.geometry.not_legendre import Relu

# Every bound is moved outward by this times (1 + the size of its terms): thousands of float64 roundings.
OUTWARD = 1e-12
GRID = torch.logspace(-6, 3, 4001, dtype=torch.float64)  # |u| where the slope of a map is looked at
FLAT = 1e-9  # a change of slope from rounding


@dataclass(frozen=True)
class Enclosure:
    """Bounds of a vector v(x) and of its slope for all x of a cell |x − centre| ≤ radius; M cells at once.

    lo ≤ v(x) ≤ hi and |∂v/∂x − slope| ≤ spread in the whole cell; ``at_centre`` is v(centre). The slopes
    give a second bound, v(x) ∈ v(centre) ± (|slope| + spread) · radius (the mean-value form: Moore, Kearfott,
    Cloud, "Introduction to Interval Analysis", 2009), whose excess is of second order in the radius. A NaN,
    from ∞ − ∞ or 0/0 where a map saturates, means "no bound": it never tightens another one.

    Shapes: radius (M, d), at_centre, lo, hi (M, n), slope and spread (M, n, d).
    """

    radius: Tensor
    at_centre: Tensor
    lo: Tensor
    hi: Tensor
    slope: Tensor
    spread: Tensor

    def tightened(self) -> "Enclosure":
        """The enclosure with lo and hi intersected with the mean-value form."""
        reach = ((self.slope.abs() + self.spread) @ self.radius[:, :, None]).squeeze(-1)  # (M, n)
        reach = reach + OUTWARD * (1 + self.at_centre.abs() + reach)
        # fmax and fmin ignore a NaN
        lo, hi = self.at_centre - reach, self.at_centre + reach
        return replace(self, lo=torch.fmax(self.lo, lo), hi=torch.fmin(self.hi, hi))


def cells(lo: Tensor, hi: Tensor) -> Enclosure:
    """The enclosure of v(x) = x over the boxes [lo, hi], (M, d)."""
    identity = torch.eye(lo.shape[1], dtype=lo.dtype, device=lo.device).expand(len(lo), -1, -1)
    return Enclosure((hi - lo) / 2, (lo + hi) / 2, lo, hi, identity, torch.zeros_like(identity))


def affine(v: Enclosure, weight: Tensor, bias: Tensor | None = None) -> Enclosure:
    """The enclosure of W v + b; W (out, n), b (out,)."""
    lo, hi = _linear_bounds(v.lo, v.hi, weight)
    shift = weight.new_zeros(()) if bias is None else bias
    lo, hi = lo + shift - OUTWARD * shift.abs(), hi + shift + OUTWARD * shift.abs()
    centre = v.at_centre @ weight.T + shift
    spread = weight.abs() @ (v.spread + OUTWARD * v.slope.abs())
    return Enclosure(v.radius, centre, lo, hi, weight @ v.slope, spread).tightened()


def increasing(v: Enclosure, f: Callable[[Tensor], Tensor], slopes: tuple[Tensor, Tensor]) -> Enclosure:
    """The enclosure of f(v); f acts elementwise and increases.

    ``slopes`` are the least and the most of f' over [v.lo, v.hi], each (M, n).
    """
    least, most = slopes
    middle, half = ((most + least) / 2)[:, :, None], ((most - least) / 2)[:, :, None]
    spread = middle * (v.spread + OUTWARD * v.slope.abs()) + half * (v.slope.abs() + v.spread)
    lo, hi = outward(f(v.lo), f(v.hi))
    return Enclosure(v.radius, f(v.at_centre), lo, hi, middle * v.slope, spread).tightened()


def minus_square(v: Enclosure) -> Enclosure:
    """The enclosure of −v², whose slope is −2v."""
    largest = torch.maximum(v.lo.abs(), v.hi.abs())
    smallest = torch.where((v.lo <= 0) & (v.hi >= 0), 0, torch.minimum(v.lo.abs(), v.hi.abs()))
    middle, half = -(v.lo + v.hi)[:, :, None], (v.hi - v.lo)[:, :, None]
    spread = middle.abs() * (v.spread + OUTWARD * v.slope.abs()) + half * (v.slope.abs() + v.spread)
    lo, hi = outward(-(largest**2), -(smallest**2))
    return Enclosure(v.radius, -(v.at_centre**2), lo, hi, middle * v.slope, spread).tightened()


def bregman_step(
    u: Enclosure,
    act: LegendreMap,
    weight: Tensor,
    bias: Tensor,
    clamp_dual: Callable[[Tensor], Tensor],
    mixing: Tensor | None,
) -> Enclosure:
    """The enclosure of u' = clamp(s) + W ρ(u) + b with s = u, or s = ρ⁻¹(R ρ(u)) where R = ``mixing`` ≥ 0.

    s increases in each u_j. The slope of the step is computed as one matrix, clamp'(s_i) ∂s_i/∂u_j +
    W_ij ρ'(u_j), so that skip and update can cancel before it is multiplied with the slope of u.
    Shapes: W (out, n), R (out, n), u with n entries -> u' with out.
    """
    least, most = slope_range(act, u.lo, u.hi)  # of ρ, (M, n)
    s_lo, s_hi, s_centre = u.lo, u.hi, u.at_centre
    skip_least = skip_most = torch.eye(u.lo.shape[1], dtype=u.lo.dtype, device=u.lo.device)  # ∂s/∂u
    if mixing is not None:
        s_lo, s_hi = outward(act.dual_average(u.lo, mixing), act.dual_average(u.hi, mixing))
        s_centre = act.dual_average(u.at_centre, mixing)
        s_least, s_most = slope_range(act, s_lo, s_hi)
        skip_least = mixing * least[:, None, :] / s_most[:, :, None]  # (M, out, n)
        skip_most = mixing * most[:, None, :] / s_least[:, :, None]
    clamped_least, clamped_most = _clamp_slopes(clamp_dual, s_lo, s_hi)  # (M, out)
    skip_least, skip_most = clamped_least[:, :, None] * skip_least, clamped_most[:, :, None] * skip_most

    matrix = (skip_least + skip_most) / 2 + weight * ((least + most) / 2)[:, None, :]
    around = (skip_most - skip_least) / 2 + weight.abs() * ((most - least) / 2)[:, None, :]
    slope_size = u.slope.abs()
    spread = matrix.abs() @ (u.spread + OUTWARD * slope_size) + around @ (slope_size + u.spread)

    lo, hi = _linear_bounds(*outward(act.act(u.lo), act.act(u.hi)), weight)
    lo, hi = outward(clamp_dual(s_lo) + lo + bias, clamp_dual(s_hi) + hi + bias)
    centre = clamp_dual(s_centre) + act.act(u.at_centre) @ weight.T + bias
    return Enclosure(u.radius, centre, lo, hi, matrix @ u.slope, spread).tightened()


def check_increasing(act: Activation) -> None:
    """ValueError for an activation of which `slope_range` would be wrong.

    That is one that is neither a Legendre map nor relu, or whose slope is not monotone on either side of 0,
    as seen on a grid: a map of somebody's own may be of any shape.
    """
    if not isinstance(act, LegendreMap | Relu):
        raise ValueError(
            f"activation {act.name!r} is not increasing, so its values at the ends of an interval are no "
            "bounds; use a Legendre map or relu."
        )
    for side in (-GRID, GRID):
        steps = _slope(act, side).diff()
        if (steps < -FLAT).any() and (steps > FLAT).any():
            raise ValueError(
                f"activation {act.name!r} has a slope that is not monotone on either side of 0, so its "
                "slopes at the ends of an interval are no bounds; use another map."
            )


def slope_range(act: Activation, lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
    """Bounds of ρ' over [lo, hi], elementwise.

    ρ' is monotone on either side of 0 (`check_increasing`): odd maps and sigmoid have their peak there, the
    slopes of softplus and squareplus increase, piecewise maps have a kink. So the extremes of ρ' are at the
    ends or, if 0 is inside, just beside 0.
    """
    crosses = (lo <= 0) & (hi >= 0)
    beside = torch.full_like(lo, 1e-300)
    points = [lo, hi, torch.where(crosses, -beside, lo), torch.where(crosses, beside, lo)]
    slopes = _slope(act, torch.stack(points))  # (4, M, n)
    least, most = slopes.amin(0), slopes.amax(0)
    return least * (1 - OUTWARD), most * (1 + OUTWARD)


def outward(lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
    """Both bounds, moved outward by more than the rounding of float64."""
    margin = OUTWARD * (1 + torch.maximum(lo.abs(), hi.abs()))
    return lo - margin, hi + margin


def _slope(act: Activation, u: Tensor) -> Tensor:
    """ρ'(u), elementwise, by autograd, as in training."""
    with torch.enable_grad():
        u = u.detach().requires_grad_()
        (slope,) = torch.autograd.grad(act.act(u).sum(), u)
    return slope


def _linear_bounds(lo: Tensor, hi: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Bounds of W v for lo ≤ v ≤ hi, (M, n) -> (M, out)."""
    plus, minus = weight.clamp(min=0).T, weight.clamp(max=0).T
    margin = OUTWARD * (1 + torch.maximum(lo.abs(), hi.abs()) @ weight.abs().T)
    return lo @ plus + hi @ minus - margin, hi @ plus + lo @ minus + margin


def _clamp_slopes(clamp_dual: Callable[[Tensor], Tensor], lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
    """Bounds of the slope of a clamp over [lo, hi]: both 1 where it moves neither end, both 0 where the
    clamped ends are equal, else 0 and 1."""
    clamped_lo, clamped_hi = clamp_dual(lo), clamp_dual(hi)
    untouched = (clamped_lo == lo) & (clamped_hi == hi)
    constant = (clamped_lo == clamped_hi) & ~untouched
    return untouched.to(lo), (~constant).to(lo)
