"""Activations, and Legendre maps: activations with an inverse, a potential, a conjugate and a divergence."""

import inspect
import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from bregman_exp.geometry.mixture import mixture
from bregman_exp.geometry.precision import in_float32, widen

INPUT_MARGIN = 1e-3  # distance of the input interval from both ends of a bounded range
INPUT_INTERVAL = (-1.57, 1.57)  # where the published two-spiral data live
HALF_LINE_START, HALF_LINE_LENGTH = 0.1, 3.14  # the same length, away from the end of a half line


class Activation(ABC):
    """An elementwise map ρ with a `name` and parameters; increasing, except for gelu.

    Each constructor parameter is an attribute of the same name. Activations are equal if their classes and
    parameters are.
    """

    name: str

    @abstractmethod
    def act(self, u: Tensor) -> Tensor:
        """ρ(u), elementwise, in the shape and dtype of u."""

    def straight_through(self) -> "Activation":
        """The same values with a gradient that passes the clamp of ρ; self if ρ does not clamp u."""
        return self

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
        """The name with the non-default parameters: `softplus(beta=10)`."""
        shown = ", ".join(f"{key}={value}" for key, value in self._changed().items())
        return f"{self.name}({shown})" if shown else self.name

    @property
    def slug(self) -> str:
        """The label as a part of a folder's name: `softplus-beta10`."""
        return "-".join([self.name, *(key + value for key, value in self._changed().items())])

    def _changed(self) -> dict[str, str]:
        signature = inspect.signature(type(self)).parameters
        changed = {key: value for key, value in self.parameters.items() if value != signature[key].default}
        return {key: repr(value).removesuffix(".0") for key, value in changed.items()}

    def __repr__(self) -> str:
        return self.label

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.parameters == other.parameters  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), *self.parameters.values()))


class LegendreMap(Activation):
    """ρ = ∇Φ* with its inverse ρ⁻¹ = ∇Φ, the potential Φ and the conjugate Φ*(u) = ∫ρ.

    The constants are such that Φ(z) + Φ*(u) = zu at z = ρ(u). All four act elementwise and keep shape and
    dtype. `inverse` and `potential` clamp z to `edge(dtype)`, so they and their gradients are finite for
    every finite z. Half precision is computed in float32. Source: Frecon, Gasso, Pontil, Salzo, "Bregman
    Neural Networks", ICML 2022; the constants are ours. `attack=exact` also needs ρ′ to be monotone on either
    side of 0.
    """

    range: tuple[float, float]

    @property
    def input_interval(self) -> tuple[float, float]:
        lo, hi = self.range
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

    def dual_bounds(self, clamp: float | None) -> tuple[float, float]:
        """(ρ⁻¹(lo + clamp), ρ⁻¹(hi − clamp)), computed in float64; ±∞ for clamp=None or an infinite end.

        Raises ValueError unless clamp is positive and below half the length of the range.
        """
        lo, hi = self.range
        if clamp is None:
            return -math.inf, math.inf
        if not 0 < clamp < (hi - lo) / 2:
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

    def edge(self, dtype: torch.dtype) -> tuple[float, float]:
        """The interval to which `inverse` and `potential` clamp z of this dtype.

        It is smaller than the range by |end| times the machine epsilon, or at an end that is 0 by 4 times
        the smallest normal number; a map that differs says so.
        """
        lo, hi = self.range
        return lo + _gap(lo, dtype), hi - _gap(hi, dtype)

    def _clamp(self, z: Tensor) -> Tensor:
        lo, hi = self.edge(z.dtype)
        z = widen(z)
        return z if math.isinf(lo) and math.isinf(hi) else z.clamp(lo, hi)

    def _dual(self, z: float) -> float:
        return z if math.isinf(z) else float(self.inverse(torch.tensor(z, dtype=torch.float64, device="cpu")))

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


def _gap(end: float, dtype: torch.dtype) -> float:
    if math.isinf(end):
        return 0.0
    return abs(end) * torch.finfo(dtype).eps if end else 4 * torch.finfo(dtype).tiny


def positive(map_name: str, parameter: str, value: float) -> float:
    """The parameter as a float; ValueError unless it is a finite number above 0."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise ValueError(
            f"{map_name}: {parameter}={value!r} is not allowed: it must be a finite number above 0; "
            f"choose another value or leave {parameter} out for the default."
        )
    return float(value)
