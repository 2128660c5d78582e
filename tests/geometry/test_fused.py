"""The fusible forms agree with the maps' own, in value and slope."""

import pytest
import torch

from bregman_exp.geometry import legendre_map
from bregman_exp.geometry.fused import fused

NAMES = ["relu", "atan", "tanh", "sigmoid", "softplus"]
CLOSE = 4e-7  # a few units of float32's last place at 1


def points() -> torch.Tensor:
    spread = torch.cat([torch.linspace(-30, 30, 60001), torch.logspace(-30, 30, 2001)])
    return torch.cat([spread, -spread, torch.tensor([0.0, 1.0, -1.0])])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("beta", [None, 10.0])
def test_value_and_slope(name: str, beta: float | None) -> None:
    if beta is not None and name != "softplus":
        pytest.skip("only softplus has a beta")
    act = legendre_map(name) if beta is None else legendre_map(name, beta=beta)
    form = fused(act)
    assert form is not None
    u = points()
    exact_u = u.double().requires_grad_()
    exact = act.act(exact_u)
    (slope,) = torch.autograd.grad(exact.sum(), exact_u)
    z = form.act(u)
    scale = exact.detach().abs().clamp(min=1)
    assert ((z - exact.detach()).abs() / scale).max() < CLOSE
    at_kink = (u == 0) & (name == "relu")
    found = form.slope(z if form.of_value else u)
    assert (found - slope).abs()[~at_kink].max() < 2e-6


def test_relative_accuracy_near_zero() -> None:
    """Where ρ(u) ≈ u, what counts is the error in units of u."""
    u = torch.logspace(-30, 0, 1001)
    for name, exact in (("tanh", torch.tanh), ("atan", torch.atan)):
        form = fused(legendre_map(name))
        assert form is not None
        assert (form.act(u) / exact(u.double()) - 1).abs().max() < CLOSE


def test_softplus_stays_positive() -> None:
    form = fused(legendre_map("softplus"))
    assert form is not None
    assert form.act(points()).min() > 0


def test_no_form_for_the_others() -> None:
    assert fused(legendre_map("isru")) is None
    assert fused(legendre_map("gelu")) is None
