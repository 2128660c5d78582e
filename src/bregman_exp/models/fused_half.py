"""ρ and the clamp as one function of u, for u in half precision.

The arithmetic is in float32, which costs a compiled kernel nothing; what is kept, and what comes out, is in
the dtype of u. Kept is u itself: rounded to half precision z = ρ(u) no longer tells its slope, nor on which
side of the clamp's ends u is.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bregman_exp.geometry.fused import FusedMap
from bregman_exp.models.version import DualClamp, finite_ends

OfDual = Callable[[Tensor], Tensor]  # u ↦ ρ(u)
SplitOfDual = Callable[[Tensor], tuple[Tensor, Tensor]]  # u ↦ (ρ(u), clamp(u))

# Closures over functions and numbers alone, and f.apply(u) written out: see models/fused.py.


def half_value(rho: FusedMap) -> OfDual:
    """u ↦ ρ(u) without a gradient of its own."""
    act = rho.act
    return lambda u: act(u.float()).to(u.dtype)


def half_act_function(rho: FusedMap) -> OfDual:
    """u ↦ ρ(u)."""
    act, slope = rho.act, _slope_of_u(rho)

    class HalfAct(torch.autograd.Function):
        @staticmethod
        def forward(u: Tensor) -> Tensor:
            return act(u.float()).to(u.dtype)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
            ctx.save_for_backward(inputs[0])

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
            (u,) = ctx.saved_tensors
            return (grad_outputs[0].float() * slope(u.float())).to(u.dtype)

    return lambda u: HalfAct.apply(u)


def half_split_function(rho: FusedMap, hold: DualClamp) -> SplitOfDual:
    """u ↦ (ρ(u), clamp(u))."""
    act, slope, lowest, highest = rho.act, _slope_of_u(rho), hold.lo, hold.hi

    class HalfSplit(torch.autograd.Function):
        @staticmethod
        def forward(u: Tensor) -> tuple[Tensor, Tensor]:
            wide, (lo, hi) = u.float(), finite_ends(lowest, highest, u.dtype)
            return act(wide).to(u.dtype), wide.clamp(lo, hi).to(u.dtype)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
            ctx.save_for_backward(inputs[0])

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
            (u,) = ctx.saved_tensors
            wide, (lo, hi) = u.float(), finite_ends(lowest, highest, u.dtype)
            grad_z, grad_s = grad_outputs
            inside = (wide > lo) & (wide < hi)
            return (grad_z.float() * slope(wide) + torch.where(inside, grad_s.float(), 0.0)).to(u.dtype)

    return lambda u: HalfSplit.apply(u)


def _slope_of_u(rho: FusedMap) -> OfDual:
    """ρ' as a function of u, also where the map knows it as one of z = ρ(u)."""
    act, slope = rho.act, rho.slope
    return (lambda u: slope(act(u))) if rho.of_value else slope
