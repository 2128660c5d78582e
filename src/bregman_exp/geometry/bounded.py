"""Legendre maps whose range is bounded on both sides."""

import math
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from bregman_exp.geometry.clamping import Number, clamp_for_square, with_gradient_of
from bregman_exp.geometry.legendre import INPUT_INTERVAL, LegendreMap, positive
from bregman_exp.geometry.mixture import log_mixture, mixture
from bregman_exp.geometry.precision import in_float32

HALF_PI = math.pi / 2


def artanh(z: Tensor) -> Tensor:
    """½ log((1+z)/(1−z)) without the cancellation in 1−z."""
    return (torch.log1p(z) - torch.log1p(-z)) / 2


def entropy(z: Tensor) -> Tensor:
    """z artanh z + ½ log(1−z²), the potential of tanh, written so that no two large terms cancel."""
    return ((1 + z) * torch.log1p(z) + (1 - z) * torch.log1p(-z)) / 2


def log_cosh(u: Tensor) -> Tensor:
    return torch.logaddexp(u, -u) - math.log(2)


def logit_average(x: Tensor, R: Tensor) -> Tensor:
    """logit(R sigmoid(x)), from log sigmoid(±x), the logarithms of the distances to both ends."""
    x = clamp_for_square(x)
    return log_mixture(F.logsigmoid(x), R) - log_mixture(F.logsigmoid(-x), R)


def cot(angle: Tensor) -> Tensor:
    return torch.cos(angle) / torch.sin(angle)


@final
class Atan(LegendreMap):
    """ρ = arctan u, ρ⁻¹ = tan z, Φ = −log cos z, Φ* = u arctan u − ½ log(1+u²); range (−π/2, π/2)."""

    name = "atan"
    range = (-HALF_PI, HALF_PI)

    @property
    def input_interval(self) -> tuple[float, float]:
        return INPUT_INTERVAL

    def act(self, u: Tensor) -> Tensor:
        return torch.atan(u)

    def _inverse(self, z: Tensor) -> Tensor:
        return torch.tan(z)

    def _potential(self, z: Tensor) -> Tensor:
        return -torch.log(torch.cos(z))

    @in_float32
    def conjugate(self, u: Tensor) -> Tensor:
        return u * torch.atan(u) - torch.log(torch.hypot(u, u.new_ones(())))

    @in_float32
    def dual_average(self, u: Tensor, R: Tensor) -> Tensor:
        """ρ⁻¹(R ρ(u)) as the cotangent of the mixture of the distances to the nearer end."""
        u = clamp_for_square(u)
        ones = torch.ones_like(u)
        to_hi, to_lo = mixture(torch.atan2(ones, u), R), mixture(torch.atan2(ones, -u), R)
        return torch.where(to_hi < to_lo, cot(to_hi), -cot(to_lo))


@final
class Tanh(LegendreMap):
    """ρ = tanh u, ρ⁻¹ = artanh z, Φ = z artanh z + ½ log(1−z²), Φ* = log cosh u; range (−1, 1)."""

    name = "tanh"
    range = (-1.0, 1.0)

    def act(self, u: Tensor) -> Tensor:
        return torch.tanh(u)

    def _inverse(self, z: Tensor) -> Tensor:
        return artanh(z)

    def _potential(self, z: Tensor) -> Tensor:
        return entropy(z)

    @in_float32
    def conjugate(self, u: Tensor) -> Tensor:
        return log_cosh(u)

    @in_float32
    def dual_average(self, u: Tensor, R: Tensor) -> Tensor:
        """ρ⁻¹(R ρ(u)) from log(1 ± tanh u) = log 2 + log sigmoid(±2u)."""
        return logit_average(2 * u, R) / 2


@final
class Sigmoid(LegendreMap):
    """ρ = 1/(1+e^−u), ρ⁻¹ = log(z/(1−z)), Φ = z log z + (1−z) log(1−z), Φ* = log(1+e^u); range (0, 1)."""

    name = "sigmoid"
    range = (0.0, 1.0)

    def act(self, u: Tensor) -> Tensor:
        return torch.sigmoid(u)

    def _inverse(self, z: Tensor) -> Tensor:
        return torch.log(z) - torch.log1p(-z)

    def _potential(self, z: Tensor) -> Tensor:
        return z * torch.log(z) + (1 - z) * torch.log1p(-z)

    @in_float32
    def conjugate(self, u: Tensor) -> Tensor:
        return torch.logaddexp(u, torch.zeros_like(u))

    @in_float32
    def dual_average(self, u: Tensor, R: Tensor) -> Tensor:
        """ρ⁻¹(R ρ(u)) from log sigmoid(±u)."""
        return logit_average(u, R)


@final
class Isru(LegendreMap):
    """ρ = u/√(1+u²), ρ⁻¹ = z/√(1−z²), Φ = −√(1−z²), Φ* = √(1+u²); range (−1, 1)."""

    name = "isru"
    range = (-1.0, 1.0)

    @in_float32
    def act(self, u: Tensor) -> Tensor:
        return torch.sin(torch.atan(u))  # u² would overflow

    def _inverse(self, z: Tensor) -> Tensor:
        return z * torch.rsqrt((1 - z) * (1 + z))

    def _potential(self, z: Tensor) -> Tensor:
        return -torch.sqrt((1 - z) * (1 + z))

    @in_float32
    def conjugate(self, u: Tensor) -> Tensor:
        return torch.hypot(u, u.new_ones(()))

    @in_float32
    def dual_average(self, u: Tensor, R: Tensor) -> Tensor:
        """ρ⁻¹(R ρ(u)) = sinh(artanh(R ρ(u))) from log(1 ± ρ(u)) = ±arsinh u − ½ log(1+u²)."""
        u = clamp_for_square(u)
        slope, level = torch.asinh(u), torch.log(torch.hypot(u, u.new_ones(())))
        return torch.sinh((log_mixture(slope - level, R) - log_mixture(-slope - level, R)) / 2)


@final
class ScaledTanh(LegendreMap):
    """ρ = a tanh(bu), ρ⁻¹ = artanh(z/a)/b, Φ = (a/b)·Φ_tanh(z/a), Φ* = (a/b) log cosh(bu); range (−a, a).

    a = `scale`, b = `slope`; the defaults are those of LeCun et al., "Efficient BackProp", 1998.
    """

    name = "scaled_tanh"
    learnable = True

    def __init__(self, scale: Number = 1.7159, slope: Number = 0.6666) -> None:
        self.scale = positive(self.name, "scale", scale)
        self.slope = positive(self.name, "slope", slope)
        self.range = (-self.scale, self.scale)

    @in_float32
    def act(self, u: Tensor) -> Tensor:
        return self.scale * torch.tanh(self.slope * u)

    def _inverse(self, z: Tensor) -> Tensor:
        return artanh(z / self.scale) / self.slope

    def _potential(self, z: Tensor) -> Tensor:
        return self.scale / self.slope * entropy(z / self.scale)

    @in_float32
    def conjugate(self, u: Tensor) -> Tensor:
        return self.scale / self.slope * log_cosh(self.slope * u)

    @in_float32
    def dual_average(self, u: Tensor, R: Tensor) -> Tensor:
        """ρ⁻¹(R ρ(u)) from log(1 ± tanh bu) = log 2 + log sigmoid(±2bu)."""
        return logit_average(2 * self.slope * u, R) / (2 * self.slope)


class Sin(LegendreMap):
    """ρ = sin c with c = clamp(u, ±π/2), ρ⁻¹ = arcsin z, Φ = z arcsin z + √(1−z²), Φ* = −cos c + |u| − |c|.

    The range [−1, 1] is closed, so the sine is not Legendre at its ends. The dual variable is clamped to
    ±π/2, and `dual_average` inverts z clamped to one machine epsilon inside the range. The gradient is 0
    where either clamp acts; the gradient of `straight_through()` is not.
    """

    name = "sin"
    range = (-1.0, 1.0)

    @in_float32
    def act(self, u: Tensor) -> Tensor:
        return torch.sin(u.clamp(-HALF_PI, HALF_PI))

    def _inverse(self, z: Tensor) -> Tensor:
        return torch.asin(z)

    def _potential(self, z: Tensor) -> Tensor:
        return z * torch.asin(z) + torch.sqrt((1 - z) * (1 + z))

    @in_float32
    def conjugate(self, u: Tensor) -> Tensor:
        c = u.clamp(-HALF_PI, HALF_PI)
        return u.abs() - c.abs() - torch.cos(c)

    def dual_bounds(self, clamp: float | None) -> tuple[Number, Number]:
        """As for every map, but ±π/2 where clamp is None."""
        return (-HALF_PI, HALF_PI) if clamp is None else super().dual_bounds(clamp)

    def straight_through(self) -> "Sin":
        return StraightThroughSin()


@final
class StraightThroughSin(Sin):
    """The same values, bit for bit, with a gradient that passes the clamps.

    Where a clamp acts, ρ(u) has the gradient of u, and ρ⁻¹(R ρ(u)) that of R u. A gradient that passes only
    the clamp of u would not help, because the sine is flat at ±π/2.
    """

    @in_float32
    def act(self, u: Tensor) -> Tensor:
        z = super().act(u)
        return with_gradient_of(torch.where(u.abs() > HALF_PI, u, z), z)

    @in_float32
    def dual_average(self, u: Tensor, R: Tensor) -> Tensor:
        z = mixture(self.act(u), R)
        lo, hi = self.edge(z.dtype)
        average = self.inverse(z)
        return with_gradient_of(torch.where((z < lo) | (z > hi), mixture(u, R), average), average)
