import mpmath as mp
import pytest
import torch

from bregman_exp.geometry import legendre_map

from .reference import U, agree

SLOPE = 0.01
Z = [-20.0, -1.0, -1e-3, 0.0, 0.4, 2.0, 30.0]
FORMULAS = {  # name: ρ, ρ⁻¹, Φ, Φ*
    "asinh": (mp.asinh, mp.sinh, mp.cosh, lambda u: u * mp.asinh(u) - mp.sqrt(1 + u * u)),
    "leaky_relu": (
        lambda u: u if u > 0 else SLOPE * u,
        lambda z: z if z > 0 else z / SLOPE,
        lambda z: z * z / 2 if z > 0 else z * z / (2 * SLOPE),
        lambda u: u * u / 2 if u > 0 else SLOPE * u * u / 2,
    ),
    "identity": (lambda u: u, lambda z: z, lambda z: z * z / 2, lambda u: u * u / 2),
}
each = pytest.mark.parametrize("name", FORMULAS)


@each
def test_map(name):
    agree(legendre_map(name).act, FORMULAS[name][0], U, absolute=0)


@each
def test_inverse(name):
    agree(legendre_map(name).inverse, FORMULAS[name][1], Z, absolute=0)


@each
def test_potential(name):
    agree(legendre_map(name).potential, FORMULAS[name][2], Z, absolute=0)


@each
def test_conjugate(name):
    agree(legendre_map(name).conjugate, FORMULAS[name][3], U)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_sinh_is_held_below_overflow(dtype):
    asinh = legendre_map("asinh")
    z = torch.tensor([-1e4, 1e4], dtype=dtype)
    assert asinh.inverse(z).isfinite().all()
    assert asinh.inverse(z)[1] > torch.finfo(dtype).max / 10
