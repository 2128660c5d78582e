"""Softplus with any sharpness β, in few memory passes and without the slow path of exp."""

import math
from typing import Any, final

import torch
from torch import Tensor

from bregman_exp.geometry.branch import not_above
from bregman_exp.geometry.dilogarithm import dilogarithm_drop, softplus_integral
from bregman_exp.geometry.legendre import LegendreMap, positive
from bregman_exp.geometry.mixture import hold_square, log_mixture
from bregman_exp.geometry.precision import in_float32


def exponent_bound(dtype: torch.dtype) -> float:
    """How far below 0 an argument of exp may be: beyond, the result is not a normal number, and slow.

    In float32 half of that range is left to what a network does with the result: its product with a weight
    or a gradient has to be normal too, or the next convolution is the slow one.
    """
    return 700.0 if dtype == torch.float64 else 40.0


class _Softplus(torch.autograd.Function):
    """max(u, 0) + log(1 + e^−β|u|)/β; u any shape, float32 or float64."""

    @staticmethod
    def forward(u: Tensor, beta: float) -> Tensor:
        power = u.abs().mul_(-beta).clamp_(min=-exponent_bound(u.dtype)).exp_()
        # Out of place: of a value that was last changed in place, torch 2.11's compiler makes the gradient 0.
        return torch.add(u.clamp(min=0), _log1p_(power), alpha=1 / beta)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        u, ctx.beta = inputs
        ctx.save_for_backward(u)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (u,) = ctx.saved_tensors
        bound = exponent_bound(u.dtype)
        return (u * ctx.beta).clamp(min=-bound).sigmoid_() * grad_outputs[0], None

    @staticmethod
    def vmap(  # pyright: ignore[reportIncompatibleMethodOverride] (torch declares *args)
        info: Any, in_dims: tuple[int | None, None], u: Tensor, beta: float
    ) -> tuple[Any, int | None]:
        return _Softplus.apply(u, beta), in_dims[0]  # elementwise: the batch is one more dimension


def _log1p_(p: Tensor) -> Tensor:
    """log(1 + p) in place of p in [0, 1], by the fast log; torch.log1p is several times slower on some CPUs.

    w is 1 + p rounded, and p − (w − 1), which is exact, is what the rounding lost.
    """
    w = p + 1
    return p.sub_(w - 1).add_(w.log_())


@final
class Softplus(LegendreMap):
    """ρ = log(1+e^{βu})/β, ρ⁻¹ = z + log(1−e^{−βz})/β; range (0, ∞).

    Φ = z²/2 + (Li₂(e^{−βz}) − π²/6)/β², Φ* = −Li₂(−e^{βu})/β². The default β = 1000 is the published one.
    ρ never falls below its value at βu = −40 (−700 in float64). The edge is a few smallest normal numbers
    of βz and z.
    """

    name = "softplus"
    range = (0.0, math.inf)

    def __init__(self, beta: float = 1000.0) -> None:
        self.beta = positive(self.name, "beta", beta)

    @in_float32
    def act(self, u: Tensor) -> Tensor:
        return _Softplus.apply(u, self.beta)  # type: ignore[return-value]

    def edge(self, dtype: torch.dtype) -> tuple[float, float]:
        return 4 * torch.finfo(dtype).tiny / min(self.beta, 1.0), math.inf

    def _inverse(self, z: Tensor) -> Tensor:
        return z + torch.log(-torch.expm1(-self.beta * z)) / self.beta

    def _potential(self, z: Tensor) -> Tensor:
        return z * z / 2 + dilogarithm_drop(self.beta * z) / self.beta**2

    @in_float32
    def conjugate(self, u: Tensor) -> Tensor:
        return softplus_integral(self.beta * u) / self.beta**2

    @in_float32
    def dual_average(self, u: Tensor, R: Tensor) -> Tensor:
        """ρ⁻¹(R ρ(u)) from log βρ(u), which is βu to rounding where ρ(u) underflows."""
        return _log_expm1_exp(log_mixture(_log_softplus(hold_square(self.beta * u)), R)) / self.beta


def _log_softplus(x: Tensor) -> Tensor:
    """log log(1+e^x)."""
    power = torch.exp(not_above(x, 0.0).clamp(min=-exponent_bound(x.dtype)))
    below = x + torch.log(torch.log1p(power) / power)  # the ratio is 1 long before the clamp
    positive_part = x.clamp(min=0)
    return torch.where(x > 0, torch.log(positive_part + torch.log1p(torch.exp(-positive_part))), below)


def _log_expm1_exp(log: Tensor) -> Tensor:
    """log(e^y − 1) at y = e^log: the inverse of `_log_softplus`."""
    small = torch.exp(not_above(log, 0.0).clamp(min=-exponent_bound(log.dtype)))
    below = log + torch.log(torch.expm1(small) / small)
    large = torch.exp(log.clamp(min=0))
    return torch.where(log > 0, large + torch.log(-torch.expm1(-large)), below)
