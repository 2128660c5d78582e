"""The ResNet's forward pass, written for ``torch.compile``."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from bregman_exp.geometry.fused import FusedMap, fused
from bregman_exp.geometry.precision import HALF
from bregman_exp.models.fused_half import (
    OfDual,
    SplitOfDual,
    half_act_function,
    half_split_function,
    half_value,
)
from bregman_exp.models.resnet import ResNet
from bregman_exp.models.version import DualClamp

T = TypeVar("T")


class FusedForm(nn.Module):
    """The model's logits and gradients, to rounding, on the model's own parameters; useful only compiled.

    Two things make the plain form slow when compiled: the library's exact atan, tanh, exp and log1p (see
    ``geometry/fused.py``), and the clamp, whose gradient saves a mask of single bytes. Here ρ and the clamp
    are one function of u. Its gradient is computed from z = ρ(u), which the next convolution saves anyway:

        (z, s) = (ρ(u), clamp(u)),    ∂u = ρ'(u) ∂z + 1[ρ(lo) ≤ z ≤ ρ(hi)] ∂s

    In half precision (autocast) z does not show whether the clamp acts, so u is saved
    (``models/fused_half.py``). An activation without a fused form is used unchanged, as are learned maps.
    ``gradients=False`` is for inference only.

    Shapes: those of the model.
    """

    def __init__(self, model: ResNet, gradients: bool = True):
        super().__init__()
        self.model = model
        self.training = model.training
        self._functions = None if model.act.learn else _functions(model, gradients)

    def forward(self, x: Tensor) -> Tensor:
        if self._functions is None:
            return self.model(x)
        model, (act, split) = self.model, self._functions
        u = model.stem(x)
        for block in model.blocks():
            u = block.step(u, lambda _, u: split(u), lambda _, u: act(u))
        return model.head(act(u))


def _functions(model: ResNet, gradients: bool) -> tuple[OfDual, SplitOfDual]:
    """u ↦ ρ(u) and u ↦ (ρ(u), what the skip carries), with their own gradients if ``gradients``."""
    rho = fused(model.act)
    if rho is None or not gradients:
        act = model.act.act if rho is None else _by_dtype(rho.act, half_value(rho))
    else:
        act = _by_dtype(_act_function(rho), half_act_function(rho))
    if model.version != "bregman":
        return act, lambda u: (z := act(u), z)
    if rho is None or not gradients:
        return act, lambda u: (act(u), model.clamp_dual(u))
    if model.clamp_dual == DualClamp():  # no clamp: s is u
        return act, lambda u: (act(u), u)
    split = _by_dtype(_split_function(rho, model.clamp_dual), half_split_function(rho, model.clamp_dual))
    return act, split


def _by_dtype(wide: Callable[[Tensor], T], half: Callable[[Tensor], T]) -> Callable[[Tensor], T]:
    return lambda u: half(u) if u.dtype in HALF else wide(u)


# torch.compile traces closures over functions and numbers, but not over other objects. torch 2.11 traces
# f.apply(u) only if the call is written out; later versions also trace a stored f.apply.


def _act_function(rho: FusedMap) -> OfDual:
    act, slope, of_value = rho.act, rho.slope, rho.of_value

    class Act(torch.autograd.Function):
        @staticmethod
        def forward(u: Tensor) -> Tensor:
            return act(u)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
            ctx.save_for_backward(output if of_value else inputs[0])

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
            (saved,) = ctx.saved_tensors
            return grad_outputs[0] * slope(saved)

    return lambda u: Act.apply(u)


def _split_function(rho: FusedMap, clamp_dual: DualClamp) -> SplitOfDual:
    slope, of_value = rho.slope, rho.of_value
    act = _act_that_shows_clamp(rho, clamp_dual) if of_value else rho.act
    lo, hi = float(clamp_dual.lo), float(clamp_dual.hi)
    first, last = _values_at_ends(rho.act, lo, hi) if of_value else (lo, hi)

    class Split(torch.autograd.Function):
        @staticmethod
        def forward(u: Tensor) -> tuple[Tensor, Tensor]:
            return act(u), u.clamp(lo, hi)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
            ctx.save_for_backward(output[0] if of_value else inputs[0])

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
            (saved,) = ctx.saved_tensors
            grad_z, grad_s = grad_outputs
            return grad_z * slope(saved) + torch.where((saved >= first) & (saved <= last), grad_s, 0.0)

    return lambda u: Split.apply(u)


def _act_that_shows_clamp(rho: FusedMap, clamp_dual: DualClamp) -> OfDual:
    """u ↦ z = ρ(u), rounded so that z is below ρ(lo) or above ρ(hi) exactly where the clamp acts on u."""
    act, lo, hi = rho.act, float(clamp_dual.lo), float(clamp_dual.hi)
    first, last = _values_at_ends(act, lo, hi)
    ends, outward = torch.tensor([first, last]), torch.tensor([-torch.inf, torch.inf])
    below, above = torch.nextafter(ends, outward).tolist()

    def act_that_shows_clamp(u: Tensor) -> Tensor:
        z = act(u)
        inside = torch.where(u < lo, z.clamp(max=below), z.clamp(first, last))
        return torch.where(u > hi, z.clamp(min=above), inside)

    return act_that_shows_clamp


def _values_at_ends(act: Any, lo: float, hi: float) -> tuple[float, float]:
    """ρ(lo) and ρ(hi) as float32 computes them."""
    first, last = act(torch.tensor([lo, hi], dtype=torch.float32)).tolist()
    return first, last
