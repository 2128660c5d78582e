"""What an activation is, and what a Legendre map adds to it: an inverse, a potential and its conjugate."""

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
    """An elementwise increasing (or at least usable) map ρ, known by its `name` and parameters.

    The constructor's parameters are attributes of the same names; two activations are equal if their
    class and parameters are.
    """

    name: str

    @abstractmethod
    def act(self, u: Tensor) -> Tensor:
        """ρ(u), elementwise, in the shape and dtype of u."""

    def straight_through(self) -> "Activation":
        """The map whose gradient passes the clamp within it: itself, unless ρ holds u in an interval."""
        return self

    @property
    def zero(self) -> float:
        """ρ(0), in float64: the value that stands for zero in the dual space."""
        return float(self.act(torch.zeros((), dtype=torch.float64, device="cpu")))

    @property
    def input_interval(self) -> tuple[float, float]:
        """(lo, hi): where the first layer of a model maps data that live in [0, 1]."""
        return INPUT_INTERVAL

    @property
    def parameters(self) -> dict[str, float]:
        """The constructor's parameters and their values."""
        return {key: getattr(self, key) for key in inspect.signature(type(self)).parameters}

    @property
    def label(self) -> str:
        """The name, with the parameters that are not the default: `softplus(beta=10)`."""
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
    dtype. `inverse` and `potential` hold z inside the range by an edge that depends on its dtype: one
    machine epsilon of the end's size, or, at an end that is 0, a few of the smallest normal numbers (a
    map says where it differs). They and their gradients are therefore finite for every finite z. Half
    precision is computed in float32. Source: Frecon, Gasso, Pontil, Salzo, "Bregman Neural Networks",
    ICML 2022; the constants are ours.
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
        """ρ⁻¹(z), with z held inside the range by the map's edge."""
        return self._inverse(self._hold(z)).to(z.dtype)

    def potential(self, z: Tensor) -> Tensor:
        """Φ(z), with z held inside the range by the map's edge."""
        return self._potential(self._hold(z)).to(z.dtype)

    @abstractmethod
    def conjugate(self, u: Tensor) -> Tensor:
        """Φ*(u)."""

    def dual_bounds(self, clamp: float | None) -> tuple[float, float]:
        """(ρ⁻¹(lo + clamp), ρ⁻¹(hi − clamp)), computed in float64; infinite without clamp or without an end.

        Raises ValueError if clamp is not positive, or as large as half the range.
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

        The rows of R lie on the probability simplex (exact zeros are allowed). Maps whose range has an
        end compute it from the distances to the ends, so that it is accurate, with finite gradients,
        where ρ(u) rounds to an end.
        """
        return self.inverse(mixture(self.act(u), R))

    def edge(self, dtype: torch.dtype) -> tuple[float, float]:
        """The interval in which `inverse` holds z of this dtype."""
        lo, hi = self.range
        return lo + _gap(lo, dtype), hi - _gap(hi, dtype)

    def _hold(self, z: Tensor) -> Tensor:
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
