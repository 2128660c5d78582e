import math

import mpmath as mp
import pytest
import torch
from torch.autograd import grad, gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from bregman_exp.geometry import legendre_map
from bregman_exp.geometry.softplus import exponent_bound

from .reference import U, agree, dual_average_agrees

BETAS = pytest.mark.parametrize("beta", [1.0, 3.0, 10.0, 100.0, 1000.0])


def built(beta):
    return legendre_map("softplus", beta=beta)


def plain(u, beta):
    return torch.clamp(u, min=0) + torch.log1p(torch.exp(-beta * u.abs())) / beta


def formulas(beta):
    """ρ and ρ⁻¹ in the precision of the moment."""
    return (
        lambda u: mp.log1p(mp.exp(beta * u)) / beta,
        lambda z: mp.log(mp.expm1(beta * z)) / beta,
    )


@BETAS
def test_map(beta):
    agree(built(beta).act, formulas(beta)[0], U, absolute=1e-300)


@BETAS
def test_inverse(beta):
    z = [1e-12, 1e-6, 1e-3, 0.1, 0.9, 4.0]
    agree(built(beta).inverse, lambda z: z + mp.log(-mp.expm1(-beta * z)) / beta, z)


@BETAS
def test_potential(beta):
    z = [1e-12, 1e-6, 1e-3, 0.1, 0.9, 4.0, 1e4]
    agree(
        built(beta).potential,
        lambda z: z * z / 2 + (mp.polylog(2, mp.exp(-beta * z)) - mp.pi**2 / 6) / beta**2,
        z,
        absolute=1e-18,
    )


@BETAS
def test_conjugate(beta):
    agree(
        built(beta).conjugate, lambda u: -mp.polylog(2, -mp.exp(beta * u)) / beta**2, U[1:], absolute=1e-300
    )


@BETAS
def test_equals_the_plain_formula(beta):
    u = torch.linspace(-5, 5, 2001, dtype=torch.float64)
    torch.testing.assert_close(built(beta).act(u), plain(u, beta), rtol=1e-14, atol=1e-300)


@BETAS
def test_slope_is_the_sigmoid(beta):
    u = torch.linspace(-0.6, 0.6, 101, dtype=torch.float64, requires_grad=True)
    (slope,) = grad(built(beta).act(u).sum(), u)
    torch.testing.assert_close(slope, torch.sigmoid(beta * u), rtol=1e-14, atol=0)


@BETAS
def test_second_derivatives(beta):
    u = (torch.linspace(-3, 3, 7, dtype=torch.float64) / beta).requires_grad_()
    assert gradcheck(built(beta).act, u)
    # In units of 1/β the numbers that gradgradcheck compares are of size 1.
    assert gradgradcheck(lambda x: beta * built(beta).act(x / beta), (u.detach() * beta).requires_grad_())


@BETAS
def test_torch_func(beta):
    act = built(beta).act
    u = torch.linspace(-0.5, 0.5, 6).reshape(2, 3)
    assert torch.equal(torch.func.vmap(act)(u), act(u))
    assert torch.equal(torch.func.vmap(act, in_dims=1, out_dims=1)(u), act(u))
    slopes = torch.func.vmap(torch.func.grad(lambda x: act(x).sum()))(u)
    torch.testing.assert_close(slopes, torch.sigmoid(beta * u))
    nested = torch.func.vmap(torch.func.vmap(torch.func.grad(torch.func.grad(act))))(u)
    s = torch.sigmoid(beta * u)
    torch.testing.assert_close(nested, beta * s * (1 - s), rtol=1e-4, atol=1e-6)


@BETAS
def test_within_log_two_over_beta_of_relu(beta):
    u = torch.linspace(-2, 2, 401, dtype=torch.float64)
    gap = built(beta).act(u) - u.clamp(min=0)
    assert gap.min() >= 0
    assert gap.max().item() == pytest.approx(math.log(2) / beta, rel=1e-5)


@BETAS
def test_no_overflow_and_a_positive_floor(beta):
    u = torch.tensor([-1e30, -1e4, 1e4, 1e30])
    floor = math.exp(-75) / beta
    assert built(beta).act(u).tolist() == pytest.approx([floor, floor, 1e4, u[3].item()], rel=1e-5)


class Arguments(TorchDispatchMode):
    """The smallest argument that each elementary function got."""

    def __init__(self):
        super().__init__()
        self.smallest = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__.rstrip("_")
        if name in ("exp", "sigmoid"):
            self.smallest[name] = min(self.smallest.get(name, math.inf), args[0].min().item())
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_exp_is_never_given_an_argument_on_its_slow_path(dtype):
    u = torch.tensor([-1e30, -1e4, -0.1, 0.0, 0.1, 1e4, 1e30], dtype=dtype, requires_grad=True)
    with Arguments() as arguments:
        grad(built(1000.0).act(u).sum(), u)
    assert arguments.smallest == {"exp": -exponent_bound(dtype), "sigmoid": -exponent_bound(dtype)}
    working = torch.float64 if dtype == torch.float64 else torch.float32
    assert math.exp(-exponent_bound(dtype)) > torch.finfo(working).tiny


@pytest.mark.parametrize(
    ("beta", "u"),
    [
        (1.0, [-1e4, -9e3, -9.5e3]),
        (1.0, [1e4, -1e4, 3.0]),
        (1.0, [0.5, -0.1, 0.2]),
        (1000.0, [-10.0, -9.0, -8.0]),
        (1000.0, [-0.5, -0.4, -0.6]),
        (1000.0, [2.0, -3.0, 1.0]),
    ],
)
def test_dual_average_where_the_map_underflows(beta, u):
    dual_average_agrees(built(beta), *formulas(beta), u, [0.25, 0.25, 0.5], digits=5000)
