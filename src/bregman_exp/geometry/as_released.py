"""Maps of bregmanet 1.0.0 with the inverse that it released, which is not the inverse."""

import math
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from bregman_exp.geometry.legendre import Activation


class AsReleased(Activation):
    """An activation with what bregmanet 1.0.0 uses as its inverse; ``range``: to which it clamps z before.

    It has no potential and no dual form: a Bregman network computes ρ⁻¹(clamp(ρ(u))) in every layer, as
    bregmanet does.
    """

    range: tuple[float, float]

    def inverse(self, z: Tensor) -> Tensor:
        """What bregmanet uses as ρ⁻¹(z), elementwise."""
        raise NotImplementedError

    def dual(self, z: Tensor) -> Tensor:
        """The u of which z is ρ(u), elementwise."""
        raise NotImplementedError


@final
class SigmoidAsReleased(AsReleased):
    """ρ = 1/(1+e^−u) with log(z/(1+z)) in place of log(z/(1−z))."""

    name = "sigmoid_as_released"
    range = (0.0, 1.0)

    @property
    def input_interval(self) -> tuple[float, float]:
        return 1e-3, 1 - 1e-3

    def act(self, u: Tensor) -> Tensor:
        return torch.sigmoid(u)

    def inverse(self, z: Tensor) -> Tensor:
        return torch.log(z / (1 + z))

    def dual(self, z: Tensor) -> Tensor:
        return torch.logit(z)


@final
class SquareplusAsReleased(AsReleased):
    """ρ = (u+√(u²+1))/2, bregmanet's "relu", with z + 1/z in place of z − 1/(4z)."""

    name = "squareplus_as_released"
    range = (0.0, math.inf)

    @property
    def input_interval(self) -> tuple[float, float]:
        return 0.1, 3.24

    def act(self, u: Tensor) -> Tensor:
        return (u + torch.sqrt(u**2 + 1)) / 2

    def inverse(self, z: Tensor) -> Tensor:
        return z + 1 / z

    def dual(self, z: Tensor) -> Tensor:
        return z - 1 / (4 * z)


@final
class SinAsReleased(AsReleased):
    """ρ = sin u without a clamp of u, with arcsin z, which beyond ±(1 − 10⁻⁵) is π/2 ∓ √2 √(1 ± z)."""

    name = "sin_as_released"
    range = (-1.0, 1.0)
    edge = 1e-5

    @property
    def input_interval(self) -> tuple[float, float]:
        return -1 + 1e-3, 1 - 1e-3

    def act(self, u: Tensor) -> Tensor:
        return torch.sin(u)

    def inverse(self, z: Tensor) -> Tensor:
        at_lo = math.pi / 2 - math.sqrt(2) * torch.sqrt(F.relu(z + 1))
        at_hi = math.pi / 2 + math.sqrt(2) * torch.sqrt(F.relu(1 - z))
        inside = torch.asin(z)
        return torch.where(z < -1 + self.edge, at_lo, torch.where(z > 1 - self.edge, at_hi, inside))

    def dual(self, z: Tensor) -> Tensor:
        return torch.asin(z)
