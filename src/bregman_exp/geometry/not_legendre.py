"""Activations without an inverse, for standard models only."""

from typing import ClassVar, final

from torch import Tensor
from torch.nn import functional as F

from bregman_exp.geometry.legendre import Activation


class NotLegendre(Activation):
    """An activation without an inverse; `reason` is one phrase."""

    reason: ClassVar[str]


@final
class Relu(NotLegendre):
    """ρ = max(u, 0)."""

    name = "relu"
    reason = "not strictly increasing"

    def act(self, u: Tensor) -> Tensor:
        return F.relu(u)


@final
class Gelu(NotLegendre):
    """ρ = u·(standard normal distribution function of u)."""

    name = "gelu"
    reason = "not monotone"

    def act(self, u: Tensor) -> Tensor:
        return F.gelu(u)
