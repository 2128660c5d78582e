"""Legendre maps whose range is bounded below (softplus has its own file)."""

import math
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from bregman_exp.geometry.clamping import Number, clamp_for_square, not_above
from bregman_exp.geometry.legendre import LegendreMap, positive
from bregman_exp.geometry.mixture import log_mixture
from bregman_exp.geometry.precision import in_float32


@final
class Squareplus(LegendreMap):
    """ρ = (u+√(u²+1))/2, ρ⁻¹ = z − 1/(4z), Φ = z²/2 − ¼ log 2z − ⅛, Φ* = ¼(2uρ(u) + arsinh u); range (0, ∞).

    The reference calls it "relu" and bent identity. Its `edge` is 4√(smallest normal number), so that 1/z²
    is finite.
    """

    name = "squareplus"
    range = (0.0, math.inf)

    @in_float32
    def act(self, u: Tensor) -> Tensor:
        root = torch.hypot(u, u.new_ones(()))
        # Below 0 the sum would cancel, above 0 the difference.
        return torch.where(u > 0, (u + root) / 2, 0.5 / (root - not_above(u, 0.0)))

    def edge(self, dtype: torch.dtype) -> tuple[float, float]:
        return 4 * math.sqrt(torch.finfo(dtype).tiny), math.inf

    def _inverse(self, z: Tensor) -> Tensor:
        return z - 0.25 / z

    def _potential(self, z: Tensor) -> Tensor:
        return z * z / 2 - torch.log(2 * z) / 4 - 0.125

    @in_float32
    def conjugate(self, u: Tensor) -> Tensor:
        return (2 * u * self.act(u) + torch.asinh(u)) / 4

    @in_float32
    def dual_average(self, u: Tensor, R: Tensor) -> Tensor:
        """ρ⁻¹(R ρ(u)) = sinh(log 2Rρ(u)) from log 2ρ(u) = arsinh u."""
        return torch.sinh(log_mixture(torch.asinh(clamp_for_square(u)), R))


@final
class Elu(LegendreMap):
    """ρ = u for u ≥ 0, else α(e^u − 1); ρ⁻¹ = z or log(1+z/α); range (−α, ∞).

    Φ = z²/2 or (z+α) log(1+z/α) − z, Φ* = u²/2 or α(e^u − 1 − u).
    """

    name = "elu"
    learnable = True

    def __init__(self, alpha: Number = 1.0) -> None:
        self.alpha = positive(self.name, "alpha", alpha)
        self.range = (-self.alpha, math.inf)

    def act(self, u: Tensor) -> Tensor:
        if isinstance(self.alpha, Tensor):
            return torch.where(u > 0, u, self.alpha * torch.expm1(not_above(u, 0.0)))
        return F.elu(u, self.alpha)

    def _inverse(self, z: Tensor) -> Tensor:
        return torch.where(z > 0, z, torch.log1p(not_above(z, 0.0) / self.alpha))

    def _potential(self, z: Tensor) -> Tensor:
        below = not_above(z, 0.0)
        curved = (below + self.alpha) * torch.log1p(below / self.alpha) - below
        return torch.where(z > 0, z * z / 2, curved)

    @in_float32
    def conjugate(self, u: Tensor) -> Tensor:
        below = not_above(u, 0.0)
        return torch.where(u > 0, u * u / 2, self.alpha * (torch.expm1(below) - below))

    @in_float32
    def dual_average(self, u: Tensor, R: Tensor) -> Tensor:
        """ρ⁻¹(R ρ(u)) from log(1 + ρ(u)/α), which equals u below 0."""
        u = clamp_for_square(u)
        log = log_mixture(torch.where(u > 0, torch.log1p(u.clamp(min=0) / self.alpha), u), R)
        return torch.where(log > 0, self.alpha * torch.expm1(log.clamp(min=0)), log)
