"""Legendre maps whose range is the real line; their `dual_average` is ρ⁻¹(R ρ(u)) as written."""

import math
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from bregman_exp.geometry.clamping import Number
from bregman_exp.geometry.legendre import LegendreMap, positive
from bregman_exp.geometry.precision import in_float32

REAL_LINE = (-math.inf, math.inf)


@final
class Asinh(LegendreMap):
    """ρ = arsinh u, ρ⁻¹ = sinh z, Φ = cosh z, Φ* = u arsinh u − √(1+u²); range ℝ.

    `edge` is ±(log(largest number of the dtype) − 1), where sinh is finite.
    """

    name = "asinh"
    range = REAL_LINE

    def act(self, u: Tensor) -> Tensor:
        return torch.asinh(u)

    def edge(self, dtype: torch.dtype) -> tuple[float, float]:
        bound = math.log(torch.finfo(dtype).max) - 1
        return -bound, bound

    def _inverse(self, z: Tensor) -> Tensor:
        return torch.sinh(z)

    def _potential(self, z: Tensor) -> Tensor:
        return torch.cosh(z)

    @in_float32
    def conjugate(self, u: Tensor) -> Tensor:
        return u * torch.asinh(u) - torch.hypot(u, u.new_ones(()))


@final
class LeakyRelu(LegendreMap):
    """ρ = u for u ≥ 0, else su; ρ⁻¹ = z or z/s; Φ = z²/2 or z²/(2s), Φ* = u²/2 or su²/2; range ℝ.

    s = `slope`.
    """

    name = "leaky_relu"
    range = REAL_LINE
    learnable = True

    def __init__(self, slope: Number = 0.01) -> None:
        self.slope = positive(self.name, "slope", slope)

    def act(self, u: Tensor) -> Tensor:
        if isinstance(self.slope, Tensor):
            return torch.where(u > 0, u, self.slope * u)
        return F.leaky_relu(u, self.slope)

    def _inverse(self, z: Tensor) -> Tensor:
        return torch.where(z > 0, z, z / self.slope)

    def _potential(self, z: Tensor) -> Tensor:
        return z * self._inverse(z) / 2

    @in_float32
    def conjugate(self, u: Tensor) -> Tensor:
        return u * self.act(u) / 2


@final
class Identity(LegendreMap):
    """ρ = ρ⁻¹ = identity, Φ = z²/2, Φ* = u²/2; range ℝ: the Euclidean geometry."""

    name = "identity"
    range = REAL_LINE

    def act(self, u: Tensor) -> Tensor:
        return u

    def _inverse(self, z: Tensor) -> Tensor:
        return z

    def _potential(self, z: Tensor) -> Tensor:
        return z * z / 2

    @in_float32
    def conjugate(self, u: Tensor) -> Tensor:
        return u * u / 2
