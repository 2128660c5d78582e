import math

import mpmath as mp
import torch
from torch.autograd import gradcheck, gradgradcheck

from bregman_exp.geometry.dilogarithm import dilogarithm_drop, softplus_integral

from .reference import agree

X = [-1e4, -700.0, -40.0, -5.0, -1.0, -1e-8, 0.0, 1e-8, 0.3, 1.0, 5.0, 40.0, 1e4]
Y = [1e-300, 1e-12, 1e-3, 0.2, 0.5, 0.69, math.log(2), 0.7, 1.0, 3.0, 40.0, 1e4]


def test_softplus_integral():
    agree(softplus_integral, lambda x: -mp.polylog(2, -mp.exp(x)), X, rel=1e-14, absolute=1e-300)


def test_dilogarithm_drop():
    agree(
        dilogarithm_drop,
        lambda y: mp.polylog(2, mp.exp(-y)) - mp.pi**2 / 6,
        Y[1:],
        rel=1e-14,
        absolute=1e-300,
    )


def test_drop_vanishes_at_zero():
    assert -1e-290 < dilogarithm_drop(torch.tensor(Y[0], dtype=torch.float64)).item() < 0


def test_slopes():
    x = torch.tensor(X, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(softplus_integral(x).sum(), x)
    agree(lambda _: slope, lambda t: mp.log1p(mp.exp(t)), X, rel=1e-13, absolute=1e-300)
    y = torch.tensor(Y, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(dilogarithm_drop(y).sum(), y)
    agree(lambda _: slope, lambda t: mp.log(-mp.expm1(-t)), Y, rel=1e-13, absolute=1e-300)


def test_gradcheck():
    x = torch.tensor([-3.0, -0.4, 0.6, 4.0], dtype=torch.float64, requires_grad=True)
    assert gradcheck(softplus_integral, x)
    assert gradgradcheck(softplus_integral, x)
    y = torch.tensor([0.1, 0.5, 0.8, 4.0], dtype=torch.float64, requires_grad=True)
    assert gradcheck(dilogarithm_drop, y)
    assert gradgradcheck(dilogarithm_drop, y)
