"""The value of one tensor with the gradient of another: how an attack passes a clamp."""

from typing import Any

import torch
from torch import Tensor


def with_gradient_of(stand_in: Tensor, value: Tensor) -> Tensor:
    """``value``, bit for bit, whose gradient is that of ``stand_in``; both of one shape and dtype.

    Source: the straight-through estimator (Bengio, Léonard, Courville, "Estimating or propagating gradients
    through stochastic neurons", 2013), as BPDA uses it in attacks (Athalye, Carlini, Wagner, ICML 2018).
    """
    return _WithGradientOf.apply(stand_in, value.detach())  # type: ignore[return-value]


class _WithGradientOf(torch.autograd.Function):
    """Not stand_in + (value − stand_in).detach(): that rounds, and ∞ − ∞ is no number."""

    generate_vmap_rule = True

    @staticmethod
    def forward(stand_in: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass  # the gradient needs nothing of the forward pass

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        return grad_outputs[0], None
