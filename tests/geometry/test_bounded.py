import math

import mpmath as mp
import pytest
import torch

from bregman_exp.geometry import legendre_map

from .reference import U, agree, dual_average_agrees

A, B = 1.7159, 0.6666
FORMULAS = {  # name: ρ, ρ⁻¹, Φ, Φ*
    "atan": (
        mp.atan,
        mp.tan,
        lambda z: -mp.log(mp.cos(z)),
        lambda u: u * mp.atan(u) - mp.log(1 + u * u) / 2,
    ),
    "tanh": (
        mp.tanh,
        mp.atanh,
        lambda z: z * mp.atanh(z) + mp.log(1 - z * z) / 2,
        lambda u: mp.log(mp.cosh(u)),
    ),
    "sigmoid": (
        lambda u: 1 / (1 + mp.exp(-u)),
        lambda z: mp.log(z / (1 - z)),
        lambda z: z * mp.log(z) + (1 - z) * mp.log(1 - z),
        lambda u: mp.log1p(mp.exp(u)),
    ),
    "isru": (
        lambda u: u / mp.sqrt(1 + u * u),
        lambda z: z / mp.sqrt(1 - z * z),
        lambda z: -mp.sqrt(1 - z * z),
        lambda u: mp.sqrt(1 + u * u),
    ),
    "scaled_tanh": (
        lambda u: A * mp.tanh(B * u),
        lambda z: mp.atanh(z / A) / B,
        lambda z: (z * mp.atanh(z / A) + A / mp.mpf(2) * mp.log(1 - (z / A) ** 2)) / B,
        lambda u: A / mp.mpf(B) * mp.log(mp.cosh(B * u)),
    ),
    "sin": (
        lambda u: mp.sin(max(-mp.pi / 2, min(mp.pi / 2, u))),
        mp.asin,
        lambda z: z * mp.asin(z) + mp.sqrt(1 - z * z),
        lambda u: -mp.cos(u) if abs(u) < mp.pi / 2 else abs(u) - mp.pi / 2,
    ),
}
each = pytest.mark.parametrize("name", FORMULAS)


def inside(name):
    lo, hi = legendre_map(name).range  # type: ignore[attr-defined]
    return [lo + (hi - lo) * share for share in (1e-4, 0.01, 0.3, 0.5, 0.77, 0.9999)]


@each
def test_map(name):
    agree(legendre_map(name).act, FORMULAS[name][0], U, absolute=1e-300)


@each
def test_inverse(name):
    agree(legendre_map(name).inverse, FORMULAS[name][1], inside(name), rel=1e-11)


@each
def test_potential(name):
    agree(legendre_map(name).potential, FORMULAS[name][2], inside(name))


@each
def test_conjugate(name):
    agree(legendre_map(name).conjugate, FORMULAS[name][3], U)


@pytest.mark.parametrize(
    ("name", "u", "digits"),
    [
        ("tanh", [1e4, 9e3, 9.5e3], 9000),
        ("tanh", [-1e4, -9e3, 1e4], 9000),
        ("tanh", [12.0, 15.0, 11.0], 50),
        ("sigmoid", [1e4, 9e3, 9.5e3], 9000),
        ("sigmoid", [-30.0, -40.0, -28.0], 50),
        ("scaled_tanh", [40.0, 50.0, 60.0], 100),
        ("atan", [1e4, 9e3, 1e3], 50),
        ("atan", [-1e4, 9e3, -1e3], 50),
        ("isru", [1e4, 9e3, 1e3], 50),
        ("isru", [-1e4, -2e3, -1e3], 50),
    ],
)
def test_dual_average_where_the_map_rounds_to_its_end(name, u, digits):
    dual_average_agrees(legendre_map(name), *FORMULAS[name][:2], u, [0.25, 0.25, 0.5], digits)


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_the_plain_formula_would_fail_there(name):
    act = legendre_map(name)
    u = torch.tensor([30.0, 40.0])
    assert act.inverse(act.act(u).mean()) < 20  # type: ignore[attr-defined]
    assert act.dual_average(u, torch.tensor([[0.5, 0.5]])) > 30  # type: ignore[attr-defined]


def test_sin_never_leaves_its_dual_interval():
    sin = legendre_map("sin")
    u = torch.tensor([-9.0, -math.pi / 2, 9.0], dtype=torch.float64, requires_grad=True)
    z = sin.act(u)
    assert z.tolist() == [-1.0, -1.0, 1.0]
    (slope,) = torch.autograd.grad(z.sum(), u)
    assert slope.abs().max() < 1e-16
    assert sin.inverse(torch.tensor([-2.0, 2.0])).abs().max() <= math.pi / 2  # type: ignore[attr-defined]
