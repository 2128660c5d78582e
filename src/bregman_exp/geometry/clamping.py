"""Clamps with a chosen gradient, and a clamp against overflow."""

import math
from typing import Any

import torch
from torch import Tensor

Number = float | Tensor  # a parameter of a map, or an end of its range: a tensor where it is learned


def clamp_between(x: Tensor, lo: Number, hi: Number) -> Tensor:
    """min(max(x, lo), hi), elementwise; tensors broadcast to x, and get the gradient where they act."""
    if not isinstance(lo, Tensor) and not isinstance(hi, Tensor):
        return x.clamp(lo, hi)
    # torch.clamp takes two numbers or two tensors; None is no bound
    ends = (end.to(x) if isinstance(end, Tensor) else _finite_tensor(end, x) for end in (lo, hi))
    return torch.clamp(x, *ends)


def _finite_tensor(end: float, like: Tensor) -> Tensor | None:
    return None if math.isinf(end) else like.new_full((), end)


def not_above(x: Tensor, bound: float) -> Tensor:
    """min(x, bound) with slope 1 at x = bound, for a branch of `torch.where` that ends there.

    The slope of `torch.clamp` at its bound depends on the version of torch and on the overload.
    """
    return torch.where(x > bound, bound, x)


def clamp_for_square(u: Tensor) -> Tensor:
    """u clamped to where u² and u⁴ are finite, so that formulas in u² have finite gradients."""
    bound = torch.finfo(u.dtype).max ** 0.25 / 2
    return u.clamp(-bound, bound)


def with_gradient_of(stand_in: Tensor, value: Tensor) -> Tensor:
    """``value``, bit for bit, with the gradient of ``stand_in``; both have the same shape and dtype.

    Source: the straight-through estimator (Bengio, Léonard, Courville, "Estimating or propagating gradients
    through stochastic neurons", 2013), as BPDA uses it in attacks (Athalye, Carlini, Wagner, ICML 2018).
    """
    return _WithGradientOf.apply(stand_in, value.detach())  # type: ignore[return-value]


class _WithGradientOf(torch.autograd.Function):
    """Used instead of stand_in + (value − stand_in).detach(), which rounds and gives NaN for ∞ − ∞."""

    generate_vmap_rule = True

    @staticmethod
    def forward(stand_in: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass  # backward needs no saved tensor

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        return grad_outputs[0], None
