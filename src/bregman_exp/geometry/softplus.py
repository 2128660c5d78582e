"""Softplus with any sharpness β, in few passes over memory and without the slow path of exp."""

import math
from typing import Any, final

import torch
from torch import Tensor

from bregman_exp.geometry.clamping import Number, clamp_for_square, not_above
from bregman_exp.geometry.dilogarithm import dilogarithm_drop, softplus_integral
from bregman_exp.geometry.legendre import LegendreMap, positive
from bregman_exp.geometry.mixture import log_mixture
from bregman_exp.geometry.precision import in_float32


def exponent_bound(dtype: torch.dtype) -> float:
    """The largest x for which exp(−x) is computed; beyond it the result is subnormal, and slow.

    In float32 this is half of what exp alone allows: a network multiplies the result by a weight or a
    gradient, and a subnormal product would slow down the next convolution.
    """
    return 700.0 if dtype == torch.float64 else 40.0


class _Softplus(torch.autograd.Function):
    """max(u, 0) + log(1 + e^−β|u|)/β; u any shape, float32 or float64."""

    @staticmethod
    def forward(u: Tensor, beta: float) -> Tensor:
        power = u.abs().mul_(-beta).clamp_(min=-exponent_bound(u.dtype)).exp_()
        # Out of place: torch 2.11's compiler gives gradient 0 for a result that was last changed in place.
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


class _LearnedSoftplus(torch.autograd.Function):
    """The same with a β for each u, and a gradient for it; u and β of one shape, float32 or float64.

    With H(p) = −p log p − (1−p) log(1−p) the entropy and σ = 1/(1+e^−βu),

        ∂ρ/∂β = (u σ − ρ)/β = −H(σ)/β²,    H(σ) = log(1+e^−|βu|) + |βu| e^−|βu|/(1+e^−|βu|),

    where no terms cancel: it decreases to 0 on both sides, as ρ approaches max(u, 0) whatever β is.
    """

    @staticmethod
    def forward(u: Tensor, beta: Tensor) -> Tensor:
        return u.clamp(min=0) + _log1p_(_distance(u, beta).neg().exp()) / beta

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor | None]:
        u, beta = ctx.saved_tensors
        slope = (u * beta).clamp(min=-exponent_bound(u.dtype)).sigmoid()
        grad_u = slope * grad_outputs[0]
        if not ctx.needs_input_grad[1]:
            return grad_u, None
        distance = _distance(u, beta)
        tail = distance.neg().exp()
        entropy = torch.log1p(tail) + distance * tail / (1 + tail)
        return grad_u, -entropy / beta.square() * grad_outputs[0]

    @staticmethod
    def vmap(  # pyright: ignore[reportIncompatibleMethodOverride] (torch declares *args)
        info: Any, in_dims: tuple[int | None, int | None], *tensors: Tensor
    ) -> tuple[Any, int]:
        rows = (
            tensor.expand(info.batch_size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            for tensor, dim in zip(tensors, in_dims, strict=True)
        )
        return _LearnedSoftplus.apply(*rows), 0


def _distance(u: Tensor, beta: Tensor) -> Tensor:
    """|βu|, at most what exp(−x) is computed for."""
    return (u * beta).abs().clamp(max=exponent_bound(u.dtype))


def _log1p_(p: Tensor) -> Tensor:
    """log(1 + p) for p in [0, 1], computed in place; torch.log1p is several times slower on some CPUs.

    w is 1 + p rounded; the rounding error p − (w − 1) is computed exactly.
    """
    w = p + 1
    return p.sub_(w - 1).add_(w.log_())


@final
class Softplus(LegendreMap):
    """ρ = log(1+e^{βu})/β, ρ⁻¹ = z + log(1−e^{−βz})/β; range (0, ∞).

    Φ = z²/2 + (Li₂(e^{−βz}) − π²/6)/β², Φ* = −Li₂(−e^{βu})/β². The default β = 1000 is the published one.
    ρ never falls below its value at βu = −40 (−700 in float64). `edge` keeps z and βz at least 4 times the
    smallest normal number.
    """

    name = "softplus"
    range = (0.0, math.inf)
    learnable = True

    def __init__(self, beta: Number = 1000.0) -> None:
        self.beta = positive(self.name, "beta", beta)

    @in_float32
    def act(self, u: Tensor) -> Tensor:
        if isinstance(self.beta, Tensor):
            return _LearnedSoftplus.apply(u, self.beta.expand_as(u))  # type: ignore[return-value]
        return _Softplus.apply(u, self.beta)  # type: ignore[return-value]

    def edge(self, dtype: torch.dtype) -> tuple[Number, Number]:
        least = self.beta.clamp(max=1.0) if isinstance(self.beta, Tensor) else min(self.beta, 1.0)
        return 4 * torch.finfo(dtype).tiny / least, math.inf

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
        return _log_expm1_exp(log_mixture(_log_softplus(clamp_for_square(self.beta * u)), R)) / self.beta


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
