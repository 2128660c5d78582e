import mpmath as mp
import pytest
import torch

from bregman_exp.geometry import legendre_map

from .reference import U, agree, dual_average_agrees

ALPHA = 0.5
FORMULAS = {  # name: parameters, ρ, ρ⁻¹, Φ, Φ*, points z
    "squareplus": (
        {},
        lambda u: (u + mp.sqrt(u * u + 1)) / 2,
        lambda z: z - 1 / (4 * z),
        lambda z: z * z / 2 - mp.log(2 * z) / 4 - mp.mpf(1) / 8,
        lambda u: (u * (u + mp.sqrt(u * u + 1)) + mp.asinh(u)) / 4,
        [1e-6, 1e-3, 0.1, 0.7, 5.0, 1e4],
    ),
    "elu": (
        {"alpha": ALPHA},
        lambda u: u if u > 0 else ALPHA * mp.expm1(u),
        lambda z: z if z > 0 else mp.log1p(z / ALPHA),
        lambda z: z * z / 2 if z > 0 else (z + ALPHA) * mp.log1p(z / ALPHA) - z,
        lambda u: u * u / 2 if u > 0 else ALPHA * (mp.expm1(u) - u),
        [-0.4999, -0.3, -1e-3, 0.0, 0.7, 1e4],
    ),
}
each = pytest.mark.parametrize("name", FORMULAS)


def built(name):
    return legendre_map(name, **FORMULAS[name][0])


@each
def test_map(name):
    agree(built(name).act, FORMULAS[name][1], U, absolute=1e-300)


@each
def test_inverse(name):
    agree(built(name).inverse, FORMULAS[name][2], FORMULAS[name][5])


@each
def test_potential(name):
    agree(built(name).potential, FORMULAS[name][3], FORMULAS[name][5])


@each
def test_conjugate(name):
    agree(built(name).conjugate, FORMULAS[name][4], U)


@each
@pytest.mark.parametrize("u", [[-1e4, -9e3, -9.5e3], [-40.0, -50.0, -30.0], [1e4, -1e4, 3.0]])
def test_dual_average_where_the_map_rounds_to_its_end(name, u):
    dual_average_agrees(built(name), *FORMULAS[name][1:3], u, [0.25, 0.25, 0.5], digits=4500)


def test_squareplus_does_not_cancel_in_float32():
    z = legendre_map("squareplus").act(torch.tensor([-1e4]))
    assert z.item() == pytest.approx(2.5e-5, rel=1e-6)


def test_squareplus_has_slope_one_half_at_zero():
    u = torch.zeros(1, requires_grad=True)
    (slope,) = torch.autograd.grad(legendre_map("squareplus").act(u), u)
    assert slope.item() == 0.5


def test_bent_identity_is_squareplus():
    assert legendre_map("bent_identity") == legendre_map("squareplus")
