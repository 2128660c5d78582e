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
from bregman_exp.models.resnet import BasicBlock, ResNet
from bregman_exp.models.version import DualClamp

T = TypeVar("T")


class FusedForm(nn.Module):
    """The same logits and gradients as the model's, on the same parameters, to rounding.

    Two things make the plain form slow when compiled: the library's exact atan, tanh, exp and log1p (see
    ``geometry/fused.py``), and the clamp, whose gradient keeps a mask of single bytes. Here ρ and the clamp
    are one function of u, and its gradient is computed from z = ρ(u), which the next convolution keeps:

        (z, s) = (ρ(u), clamp(u)),    ∂u = ρ'(u) ∂z + 1[ρ(lo) ≤ z ≤ ρ(hi)] ∂s

    Half precision, such as autocast makes, cannot tell from z whether the clamp acts: there u is kept
    (``models/fused_half.py``). An activation without a fused form is taken as it is. Only useful compiled.
    ``gradients=False``: for inference alone.

    Shapes: those of the model.
    """

    def __init__(self, model: ResNet, gradients: bool = True):
        super().__init__()
        self.model = model
        self.training = model.training
        self._act, self._split = _functions(model, gradients)

    def forward(self, x: Tensor) -> Tensor:
        model = self.model
        u = model.stem(x)
        for block in model.blocks():
            u = self._block(block, u)
        return model.head(self._act(u))

    def _block(self, block: BasicBlock, u: Tensor) -> Tensor:
        z, skipped = self._split(u) if block.version == "bregman" else (self._act(u),) * 2
        inner = self._act(block.bn1(block.conv1(z)))
        return block.shortcut(skipped) + block.bn2(block.conv2(inner))


def _functions(model: ResNet, gradients: bool) -> tuple[OfDual, SplitOfDual]:
    """u ↦ ρ(u) and u ↦ (ρ(u), clamp(u)), each with its own gradient if there are to be any."""
    known = fused(model.act)
    if known is None or not gradients:
        act = model.act.act if known is None else _by_dtype(known.act, half_value(known))
        return act, lambda u: (act(u), model.hold(u))
    act = _by_dtype(_act_function(known), half_act_function(known))
    if model.hold == DualClamp():  # no clamp: s is u
        return act, lambda u: (act(u), u)
    split = _by_dtype(_split_function(known, model.hold), half_split_function(known, model.hold))
    return act, split


def _by_dtype(wide: Callable[[Tensor], T], half: Callable[[Tensor], T]) -> Callable[[Tensor], T]:
    return lambda u: half(u) if u.dtype in HALF else wide(u)


# The compiler can follow a closure over functions and numbers, but not over other objects; and torch 2.11's
# only a call that is written out, f.apply(u), where a later one's also follows f.apply kept as a value.


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
            (kept,) = ctx.saved_tensors
            return grad_outputs[0] * slope(kept)

    return lambda u: Act.apply(u)


def _split_function(rho: FusedMap, hold: DualClamp) -> SplitOfDual:
    slope, of_value = rho.slope, rho.of_value
    act = _marking(rho, hold) if of_value else rho.act
    lo, hi = hold.lo, hold.hi
    first, last = _float32(rho.act, lo, hi) if of_value else (lo, hi)

    class Split(torch.autograd.Function):
        @staticmethod
        def forward(u: Tensor) -> tuple[Tensor, Tensor]:
            return act(u), u.clamp(lo, hi)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
            ctx.save_for_backward(output[0] if of_value else inputs[0])

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
            (kept,) = ctx.saved_tensors
            grad_z, grad_s = grad_outputs
            return grad_z * slope(kept) + torch.where((kept >= first) & (kept <= last), grad_s, 0.0)

    return lambda u: Split.apply(u)


def _marking(rho: FusedMap, hold: DualClamp) -> OfDual:
    """ρ(u), rounded to that side of ρ(lo) and ρ(hi) which u is on, so that z tells where the clamp acts."""
    act, lo, hi = rho.act, hold.lo, hold.hi
    first, last = _float32(act, lo, hi)
    ends, away = torch.tensor([first, last]), torch.tensor([-torch.inf, torch.inf])
    below, above = torch.nextafter(ends, away).tolist()

    def marked(u: Tensor) -> Tensor:
        z = act(u)
        inside = torch.where(u < lo, z.clamp(max=below), z.clamp(first, last))
        return torch.where(u > hi, z.clamp(min=above), inside)

    return marked


def _float32(act: Any, lo: float, hi: float) -> tuple[float, float]:
    first, last = act(torch.tensor([lo, hi], dtype=torch.float32)).tolist()
    return first, last
