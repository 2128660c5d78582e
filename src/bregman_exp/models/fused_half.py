"""ρ and the clamp as one function of u, for u in half precision.

The arithmetic is in float32, which costs a compiled kernel nothing. Saved tensors and outputs have the dtype
of u. The saved tensor is u: z = ρ(u), rounded to half precision, determines neither the slope nor whether
the clamp acts.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bregman_exp.geometry.fused import FusedMap
from bregman_exp.models.version import DualClamp, finite_ends

OfDual = Callable[[Tensor], Tensor]  # u ↦ ρ(u)
SplitOfDual = Callable[[Tensor], tuple[Tensor, Tensor]]  # u ↦ (ρ(u), what the skip carries)

# The form of these closures is what torch.compile needs: see models/fused.py.


def half_value(rho: FusedMap) -> OfDual:
    """u ↦ ρ(u), for inference."""
    act = rho.act
    return lambda u: act(u.float()).to(u.dtype)


def half_act_function(rho: FusedMap) -> OfDual:
    """u ↦ ρ(u) with its own gradient."""
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


def half_split_function(rho: FusedMap, clamp_dual: DualClamp) -> SplitOfDual:
    """u ↦ (ρ(u), clamp(u)) with its own gradient."""
    act, slope = rho.act, _slope_of_u(rho)
    lowest, highest = float(clamp_dual.lo), float(clamp_dual.hi)

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
    """ρ' as a function of u, also for a map whose slope is given as a function of z = ρ(u)."""
    act, slope = rho.act, rho.slope
    return (lambda u: slope(act(u))) if rho.of_value else slope
