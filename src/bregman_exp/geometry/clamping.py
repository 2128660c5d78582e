"""Clamps with a chosen gradient, and a clamp against overflow."""

from typing import Any

import torch
from torch import Tensor


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
