"""The map ρ of each layer of a network: one fixed map for all of them, or maps with learned parameters.

A network in which every layer has its own map ρ_l (and Φ_l with ∇Φ_l = ρ_l⁻¹) takes the step

    z^(l+1) = argmin_z ⟨−(W z^(l) + b), z⟩ + Φ_{l+1}(z) − ⟨∇Φ_l(z^(l)), z⟩.

Its gradient is 0 where ∇Φ_{l+1}(z) = ∇Φ_l(z^(l)) + W z^(l) + b, so

    z^(l+1) = ρ_{l+1}(ρ_l⁻¹(z^(l)) + W z^(l) + b):

the map that made z^(l) is inverted, the next one is applied. It is dual averaging with a potential that
changes from step to step (Nesterov, "Primal-dual subgradient methods for convex problems", 2009). For one
common Φ it is the Bregman step of Frecon et al., since Φ(z) − ⟨∇Φ(z'), z⟩ is D_Φ(z, z') up to a constant.
ρ_l⁻¹(z^(l)) is the u^(l) of which z^(l) is ρ_l(u^(l)), whatever the parameters are and though the ranges
differ: u is carried, and no inverse is computed.
"""

from abc import ABC, abstractmethod
from typing import cast

import torch
from torch import Tensor, nn

from bregman_exp.geometry import Activation, LegendreMap
from bregman_exp.geometry.as_released import AsReleased
from bregman_exp.geometry.clamping import Number
from bregman_exp.geometry.precision import widen
from bregman_exp.models.version import DualClamp, StraightThroughClamp, dual_clamp


class LayerMap(nn.Module, ABC):
    """u ↦ z = ρ(u), elementwise, with the clamp of u on the skip.

    It is a module so that learned parameters are the network's; layers with the same map share it.
    """

    @property
    @abstractmethod
    def act(self) -> Activation:
        """The map with its current parameters."""

    @property
    @abstractmethod
    def clamp_dual(self) -> DualClamp:
        """u ↦ clamp(u, ρ⁻¹(lo + c), ρ⁻¹(hi − c)), with the current parameters."""

    @property
    @abstractmethod
    def zero(self) -> Number:
        """ρ(0), with which channels of z are padded."""

    @property
    @abstractmethod
    def clamps(self) -> bool:
        """Whether the map or the clamp has gradient 0 beyond some u."""

    @abstractmethod
    def pass_clamps(self) -> None:
        """Gives both clamps, for good, the gradient of the identity; values stay, bit for bit."""

    def dual(self, z: Tensor) -> Tensor:
        """ρ⁻¹(z), the u of which z is ρ(u)."""
        act = self.act
        return act.dual(z) if isinstance(act, AsReleased) else cast(LegendreMap, act).inverse(z)


class FixedMap(LayerMap):
    """A map that is no part of training."""

    def __init__(self, act: Activation, version: str, clamp: float | None):
        super().__init__()
        self._act, self._clamp_dual, self._zero = act, dual_clamp(act, version, clamp), act.zero

    @property
    def act(self) -> Activation:
        return self._act

    @property
    def clamp_dual(self) -> DualClamp:
        return self._clamp_dual

    @property
    def zero(self) -> Number:
        return self._zero

    @property
    def clamps(self) -> bool:
        parts = (self._act, self._clamp_dual)
        return any(part.straight_through() is not part for part in parts)

    def pass_clamps(self) -> None:
        self._act, self._clamp_dual = self._act.straight_through(), self._clamp_dual.straight_through()

    def forward(self, u: Tensor) -> Tensor:
        return self._act.act(u)


class LearnedMap(LayerMap):
    """A map whose parameters are learned: each is β = β₀ e^θ with the β₀ of ``initial`` and θ trained from 0.

    So β stays above 0, a step of θ changes it by a factor, whether it is 1 or 1000, and weight decay, which
    acts on θ as on every parameter, draws β to its initial value. At first the map is ``initial``.

    Shapes: u broadcasts with θ, whose shape is ``shape``: () for one value, (C,) or (C, 1, 1) for C channels.
    """

    def __init__(self, initial: Activation, version: str, clamp: float | None, shape: tuple[int, ...]):
        super().__init__()
        dual_clamp(initial, version, clamp)  # raises where the clamp does not fit
        self.initial = initial
        self.start = dict(initial.parameters)
        self.clamp = clamp if version == "bregman" else None
        self.theta = nn.ParameterDict({name: nn.Parameter(torch.zeros(shape)) for name in self.start})
        self._clamp_kind = DualClamp

    @property
    def values(self) -> dict[str, Tensor]:
        """The current parameters by name."""
        return {name: value * self.theta[name].exp() for name, value in self.start.items()}

    @property
    def act(self) -> Activation:
        return self.initial.at(**self.values)

    @property
    def clamp_dual(self) -> DualClamp:
        if self.clamp is None:
            return DualClamp()
        # in float64, as the bounds of a fixed map: in float32 lo + c is hardly more than lo
        wide = {name: value * self.theta[name].double().exp() for name, value in self.start.items()}
        return self._clamp_kind(*cast(LegendreMap, self.initial.at(**wide)).dual_bounds(self.clamp))

    @property
    def zero(self) -> Number:
        """The mean of ρ(0) over the channels, since padded channels have no parameters of their own."""
        theta = next(iter(self.theta.values()))
        return self.act.act(torch.zeros_like(theta)).mean()

    @property
    def clamps(self) -> bool:
        clamp = self.clamp_dual
        return clamp.straight_through() is not clamp

    def pass_clamps(self) -> None:
        self._clamp_kind = StraightThroughClamp

    def extra_repr(self) -> str:
        return str(self.initial)

    def forward(self, u: Tensor) -> Tensor:
        return self.act.act(widen(u)).to(u.dtype)


class LayerMaps:
    """The maps of a network of this activation: one for all layers, or where it says so one for each.

    ``over_space``: dimensions of u after that of the channels, 2 for images.
    """

    def __init__(self, act: Activation, version: str, clamp: float | None, over_space: int = 0):
        self.act, self.version, self.clamp, self.over_space = act, version, clamp, over_space
        self.fixed = FixedMap(act, version, clamp)
        self._shared = self._learned(()) if act.learn == "network" else self.fixed

    def of_layer(self, channels: int) -> LayerMap:
        """The map of a layer with so many channels (or neurons)."""
        if self.act.learn == "channel":
            return self._learned((channels, *[1] * self.over_space))
        return self._learned(()) if self.act.learn == "layer" else self._shared

    def _learned(self, shape: tuple[int, ...]) -> LearnedMap:
        return LearnedMap(self.act, self.version, self.clamp, shape)


def learned_parameters(network: nn.Module) -> dict[str, Tensor]:
    """{"layers.0.rho.beta": tensor, …}: the current values, without gradients; empty where all are fixed.

    A map that layers share is listed once, where it is first. Shapes: () or (channels,).
    """
    return {
        f"{path}.{name}": value.detach().flatten() if value.dim() else value.detach()
        for path, module in network.named_modules()
        if isinstance(module, LearnedMap)
        for name, value in module.values.items()
    }


def learned_range(network: nn.Module) -> dict[str, dict[str, float]]:
    """{"beta": {"min": …, "median": …, "max": …}} over all learned values; empty where all are fixed."""
    values: dict[str, list[Tensor]] = {}
    for path, value in learned_parameters(network).items():
        values.setdefault(path.rpartition(".")[2], []).append(value.reshape(-1).double().cpu())
    return {name: _range(torch.cat(parts)) for name, parts in values.items()}


def _range(values: Tensor) -> dict[str, float]:
    return {"min": float(values.min()), "median": float(values.quantile(0.5)), "max": float(values.max())}
