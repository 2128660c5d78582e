"""Activations in plain arithmetic, which a compiler fuses with the operations around them.

Compiled code calls exact but slow versions of atan, tanh, exp and log1p; eager torch calls a vendor's fast
ones. A polynomial or rational function of a few terms is as cheap compiled as those are eager. The
coefficients are our own minimax fits (``scripts/fit_elementary.py``), accurate to a few units in the last
place of float32.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bregman_exp.geometry.bounded import HALF_PI, Atan, Sigmoid, Tanh
from bregman_exp.geometry.legendre import Activation
from bregman_exp.geometry.not_legendre import Relu
from bregman_exp.geometry.softplus import Softplus

# arctan t = t · A(t²) for |t| ≤ 1
ARCTAN = (
    9.999999848e-01,
    -3.333307334e-01,
    1.999261939e-01,
    -1.420364445e-01,
    1.064093396e-01,
    -7.504294408e-02,
    4.269151772e-02,
    -1.606862800e-02,
    2.849889379e-03,
)
# tanh u = u · P(u²)/Q(u²) for |u| ≤ 9, where float32 tanh is 1
TANH_END = 9.0
TANH_P = (9.999999794e-01, 1.338102539e-01, 3.495587862e-03, 2.060907886e-05, 1.335465800e-08)
TANH_Q = (1.0, 4.671434098e-01, 2.587698112e-02, 3.285634427e-04, 7.776556614e-07)
# ½ tanh(u/2) = u · P(u²)/Q(u²)
HALF_P = tuple(c / 4 ** (k + 1) for k, c in enumerate(TANH_P))
HALF_Q = tuple(c / 4**k for k, c in enumerate(TANH_Q))
# log(1 + e^−x) = P(x)/Q(x) for 0 ≤ x ≤ 16, to 1.6e-8; at 16 it is 1.1e-7
TAIL_END = 16.0
TAIL_P = (
    6.931471649e-01,
    -2.149065158e-01,
    2.745602066e-02,
    -1.801624720e-03,
    6.053336884e-05,
    -8.304789825e-07,
)
TAIL_Q = (
    1.0,
    4.113014434e-01,
    1.559814763e-01,
    3.567636476e-02,
    5.352330497e-03,
    3.384044767e-04,
    8.410467073e-05,
)
EXPONENT_END = 40.0  # e^−40 is negligible, and exp does not take its slow path


@dataclass(frozen=True)
class FusedMap:
    """ρ and its slope ρ', in float32.

    ``act``: u ↦ ρ(u), within 4e-7 of the map's own ``act``. ``slope``: ρ' as a function of z = ρ(u) if
    ``of_value``, else of u.
    """

    act: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    of_value: bool


def fused(act: Activation) -> FusedMap | None:
    """The fused form of a map; None if it has none, or if that would not be faster."""
    if act.learn:  # its slope would need a second part, by the parameters
        return None
    if isinstance(act, Softplus):
        return _softplus(float(act.beta))
    return FUSED.get(type(act))


def arctan(u: Tensor) -> Tensor:
    """arctan u = sign(u) π/2 − arctan(1/u) beyond ±1."""
    beyond = u.abs() > 1
    t = torch.where(beyond, -1 / u, u)
    offset = torch.where(u > 1, HALF_PI, torch.where(u < -1, -HALF_PI, 0.0))
    return offset + t * _polynomial(ARCTAN, t * t)


def tanh(u: Tensor) -> Tensor:
    """tanh u, within 4e-7 relative, so at most 1 + 4e-7."""
    u = u.clamp(-TANH_END, TANH_END)
    square = u * u
    return u * _polynomial(TANH_P, square) / _polynomial(TANH_Q, square)


def sigmoid(u: Tensor) -> Tensor:
    """1/(1+e^−u) = ½ + ½ tanh(u/2), within 2e-7 absolute; it may leave [0, 1] by as much."""
    u = u.clamp(-2 * TANH_END, 2 * TANH_END)
    square = u * u
    return u * _polynomial(HALF_P, square) / _polynomial(HALF_Q, square) + 0.5


def _softplus(beta: float) -> FusedMap:
    def act(u: Tensor) -> Tensor:
        x = (u.abs() * beta).clamp(max=TAIL_END)
        return u.clamp(min=0) + _polynomial(TAIL_P, x) / _polynomial(TAIL_Q, x) * (1 / beta)

    def slope(z: Tensor) -> Tensor:
        return 1 - (z * -beta).clamp(min=-EXPONENT_END).exp()

    return FusedMap(act, slope, of_value=True)


def _polynomial(coefficients: Sequence[float], x: Tensor) -> Tensor:
    """Horner's rule; coefficients from the constant term up."""
    total = x * coefficients[-1] + coefficients[-2]
    for coefficient in reversed(coefficients[:-2]):
        total = total * x + coefficient
    return total


FUSED: dict[type[Activation], FusedMap] = {
    Relu: FusedMap(torch.relu, lambda z: (z > 0).to(z.dtype), of_value=True),
    Atan: FusedMap(arctan, lambda u: 1 / (1 + u * u), of_value=False),
    Tanh: FusedMap(tanh, lambda z: 1 - z * z, of_value=True),
    Sigmoid: FusedMap(sigmoid, lambda z: z - z * z, of_value=True),
}
