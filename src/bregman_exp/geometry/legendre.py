"""Activations, and Legendre maps: activations with an inverse, a potential, a conjugate and a divergence."""

import copy
import inspect
import math
from abc import ABC, abstractmethod
from typing import ClassVar, Self

import torch
from torch import Tensor

from bregman_exp.geometry.clamping import Number, clamp_between
from bregman_exp.geometry.mixture import mixture
from bregman_exp.geometry.precision import in_float32, widen

INPUT_MARGIN = 1e-3  # distance of the input interval from both ends of a bounded range
INPUT_INTERVAL = (-1.57, 1.57)  # where the published two-spiral data live
HALF_LINE_START, HALF_LINE_LENGTH = 0.1, 3.14  # the same length, away from the end of a half line
LEARN = ("network", "layer", "channel")


class Activation(ABC):
    """An elementwise map ρ with a `name` and parameters; increasing, except for gelu.

    Each constructor parameter is an attribute of the same name. Activations are equal if their classes,
    parameters and ``learn`` are.

    ``learnable``: a network can learn the parameters. All are above 0, the map increases for every such
    value, and the formulas also take tensors, which broadcast to u. ``learn``: None, or what has its own
    values of them in a network: "network", "layer" or "channel" (models/layer_map.py). The attributes are
    the initial values then.
    """

    name: str
    learnable: ClassVar[bool] = False
    learn: str | None = None
    _tensor: Tensor | None = None  # a parameter, where they are tensors

    @abstractmethod
    def act(self, u: Tensor) -> Tensor:
        """ρ(u), elementwise, in the shape and dtype of u."""

    def straight_through(self) -> "Activation":
        """The same values with a gradient that passes the clamp of ρ; self if ρ does not clamp u."""
        return self

    def learned(self, per: str | None) -> Self:
        """The map whose parameters a network learns, per "network", "layer" or "channel"; None: fixed.

        Raises ValueError for another word, and for a map without parameters that can be learned.
        """
        if per is not None and per not in LEARN:
            raise ValueError(f"act.learn={per!r} does not exist; use one of {', '.join(LEARN)}, or null.")
        if per is not None and not self.learnable:
            raise ValueError(
                f"act.learn={per}: activation {self.name!r} has no parameter that can be learned; leave "
                "act.learn out, or use a map with one, e.g. softplus."
            )
        twin = copy.copy(self)
        twin.learn = per
        return twin

    def at(self, **values: Tensor) -> Self:
        """The map with these values of all its parameters, above 0, which broadcast to u."""
        twin = type(self)(**values)
        twin._tensor = next(iter(values.values()))
        return twin

    @property
    def zero(self) -> float:
        """ρ(0), in float64: the primal value of zero in the dual space."""
        return float(self.act(torch.zeros((), dtype=torch.float64, device="cpu")))

    @property
    def input_interval(self) -> tuple[float, float]:
        """(lo, hi): the interval to which the first layer of a model maps data in [0, 1]."""
        return INPUT_INTERVAL

    @property
    def parameters(self) -> dict[str, float]:
        """The constructor's parameters and their values."""
        return {key: getattr(self, key) for key in inspect.signature(type(self)).parameters}

    @property
    def label(self) -> str:
        """The name with the non-default parameters: `softplus(beta=10)`, `softplus, learned per layer`."""
        shown = ", ".join(f"{key}={value}" for key, value in self._changed().items())
        label = f"{self.name}({shown})" if shown else self.name
        return f"{label}, learned per {self.learn}" if self.learn else label

    @property
    def slug(self) -> str:
        """The label as a part of a folder's name: `softplus-beta10`, `softplus-learned_layer`."""
        changed = (key + value for key, value in self._changed().items())
        return "-".join([self.name, *changed, *([f"learned_{self.learn}"] if self.learn else [])])

    def _changed(self) -> dict[str, str]:
        signature = inspect.signature(type(self)).parameters
        changed = {key: value for key, value in self.parameters.items() if value != signature[key].default}
        return {key: repr(value).removesuffix(".0") for key, value in changed.items()}

    def __repr__(self) -> str:
        return self.label

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Activation) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        return type(self), self.learn, *self.parameters.values()


class LegendreMap(Activation):
    """ρ = ∇Φ* with its inverse ρ⁻¹ = ∇Φ, the potential Φ and the conjugate Φ*(u) = ∫ρ.

    The constants are such that Φ(z) + Φ*(u) = zu at z = ρ(u). All four act elementwise and keep shape and
    dtype. `inverse` and `potential` clamp z to `edge(dtype)`, so they and their gradients are finite for
    every finite z. Half precision is computed in float32. Source: Frecon, Gasso, Pontil, Salzo, "Bregman
    Neural Networks", ICML 2022; the constants are ours. `attack=exact` also needs ρ′ to be monotone on either
    side of 0.
    """

    range: tuple[Number, Number]

    @property
    def input_interval(self) -> tuple[float, float]:
        lo, hi = map(float, self.range)
        if math.isinf(lo):
            return INPUT_INTERVAL
        if math.isinf(hi):
            return lo + HALF_LINE_START, lo + HALF_LINE_START + HALF_LINE_LENGTH
        margin = INPUT_MARGIN * min(1.0, hi - lo)  # a narrow range keeps an interval
        return lo + margin, hi - margin

    def inverse(self, z: Tensor) -> Tensor:
        """ρ⁻¹(z), with z clamped to `edge`."""
        return self._inverse(self._clamp(z)).to(z.dtype)

    def potential(self, z: Tensor) -> Tensor:
        """Φ(z), with z clamped to `edge`."""
        return self._potential(self._clamp(z)).to(z.dtype)

    @abstractmethod
    def conjugate(self, u: Tensor) -> Tensor:
        """Φ*(u)."""

    def dual_bounds(self, clamp: float | None) -> tuple[Number, Number]:
        """(ρ⁻¹(lo + clamp), ρ⁻¹(hi − clamp)), computed in float64; ±∞ for clamp=None or an infinite end.

        Where the parameters are tensors, so are the finite bounds, computed in their dtype and with a
        gradient for them, and the clamp is not checked. Raises ValueError unless clamp is positive and below
        half the length of the range.
        """
        lo, hi = self.range
        if clamp is None:
            return -math.inf, math.inf
        if not isinstance(lo, Tensor) and not isinstance(hi, Tensor) and not 0 < clamp < (hi - lo) / 2:
            raise ValueError(
                f"clamp={clamp} does not fit {self.label}: it must be above 0 and below {(hi - lo) / 2:g}; "
                "choose e.g. 2e-5, or None for no clamp."
            )
        return self._dual(lo + clamp), self._dual(hi - clamp)

    @in_float32
    def dual_average(self, u: Tensor, R: Tensor) -> Tensor:
        """ρ⁻¹(R ρ(u)): the dual variable of a mixture; u (..., n_in), R (n_out, n_in) -> (..., n_out).

        The rows of R lie on the probability simplex (exact zeros are allowed). A map whose range has a
        finite end computes it from the distances to the ends: it stays accurate, with finite gradients,
        where ρ(u) rounds to an end.
        """
        return self.inverse(mixture(self.act(u), R))

    def edge(self, dtype: torch.dtype) -> tuple[Number, Number]:
        """The interval to which `inverse` and `potential` clamp z of this dtype.

        It is smaller than the range by |end| times the machine epsilon, or at an end that is 0 by 4 times
        the smallest normal number; a map that differs says so.
        """
        lo, hi = self.range
        return lo + _gap(lo, dtype), hi - _gap(hi, dtype)

    def _clamp(self, z: Tensor) -> Tensor:
        lo, hi = self.edge(z.dtype)
        z = widen(z)
        return z if _is_infinite(lo) and _is_infinite(hi) else clamp_between(z, lo, hi)

    def _dual(self, z: Number) -> Number:
        if _is_infinite(z):
            return z
        if self._tensor is not None:
            return self._inverse(torch.zeros_like(self._tensor) + z)
        return float(self.inverse(torch.tensor(z, dtype=torch.float64, device="cpu")))

    @abstractmethod
    def _inverse(self, z: Tensor) -> Tensor:
        """ρ⁻¹ of z inside the range, in float32 or wider."""

    @abstractmethod
    def _potential(self, z: Tensor) -> Tensor:
        """Φ of z inside the range, in float32 or wider."""


def bregman_divergence(legendre: LegendreMap, z: Tensor, z_prime: Tensor) -> Tensor:
    """D_Φ(z, z') = Φ(z) − Φ(z') − ⟨∇Φ(z'), z − z'⟩, summed over the last dimension.

    Shapes: z and z', in the range of ρ, broadcast to (..., n) -> (...). No term is below 0; rounding errors
    below 0 are set to 0. Source: Bregman, 1967.
    """
    linear = legendre.inverse(z_prime) * (z - z_prime)
    return (legendre.potential(z) - legendre.potential(z_prime) - linear).clamp(min=0).sum(-1)


def _is_infinite(end: Number) -> bool:
    return not isinstance(end, Tensor) and math.isinf(end)


def _gap(end: Number, dtype: torch.dtype) -> Number:
    if _is_infinite(end):
        return 0.0
    if isinstance(end, Tensor):
        return end.abs() * torch.finfo(dtype).eps
    return abs(end) * torch.finfo(dtype).eps if end else 4 * torch.finfo(dtype).tiny


def positive(map_name: str, parameter: str, value: Number) -> Number:
    """The parameter as a float; ValueError unless it is a finite number above 0. A tensor is not checked."""
    if isinstance(value, Tensor):
        return value
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise ValueError(
            f"{map_name}: {parameter}={value!r} is not allowed: it must be a finite number above 0; "
            f"choose another value or leave {parameter} out for the default."
        )
    return float(value)
