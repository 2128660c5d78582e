"""The dilogarithm Li₂(v) = −∫₀^v log(1−t)/t dt where softplus needs it, from one series of Bernoulli numbers.

With B(s) = ∫₀^s t/(e^t − 1) dt the substitution t = 1 − e^−s gives Li₂(v) = B(−log(1−v)). The reflection
and inversion formulas (Abramowitz and Stegun, 27.7.3 and following) bring every argument to |s| ≤ log 2,
where the series below has an error under 1e-18.
"""

import math

import torch
from torch import Tensor

from bregman_exp.geometry.clamping import not_above

BERNOULLI = (
    1 / 6,
    -1 / 30,
    1 / 42,
    -1 / 30,
    5 / 66,
    -691 / 2730,
    7 / 6,
    -3617 / 510,
    43867 / 798,
    -174611 / 330,
)
COEFFICIENTS = tuple(b / math.factorial(2 * k + 3) for k, b in enumerate(BERNOULLI))  # of s³, s⁵, …


def _debye(s: Tensor) -> Tensor:
    """B(s) = s − s²/4 + Σ B_2k s^(2k+1)/(2k+1)! for |s| ≤ log 2."""
    square = s * s
    series = torch.zeros_like(s)
    for coefficient in reversed(COEFFICIENTS):
        series = series * square + coefficient
    return s * (1 - s / 4 + square * series)


def softplus_integral(x: Tensor) -> Tensor:
    """−Li₂(−e^x) = ∫ log(1+e^t) dt from −∞ to x, elementwise for any real x."""
    below = torch.where(x > 0, -x, x)
    tail = -_debye(-torch.log1p(torch.exp(below)))
    return torch.where(x > 0, math.pi**2 / 6 + x * x / 2 - tail, tail)


def dilogarithm_drop(y: Tensor) -> Tensor:
    """Li₂(e^−y) − π²/6 elementwise for y > 0; its derivative is log(1 − e^−y)."""
    near, far = not_above(y, math.log(2)), y.clamp(min=math.log(2))
    small = near * torch.log(-torch.expm1(-near)) - _debye(near)
    large = _debye(-torch.log1p(-torch.exp(-far))) - math.pi**2 / 6
    return torch.where(y > math.log(2), large, small)
