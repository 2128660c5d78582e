"""The layers solve the convex problems they are derived from: a generic solver lands on their output."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from bregman_exp.geometry import ACTIVATIONS, LegendreMap, legendre_map
from bregman_exp.models import mlp

MAPS = [name for name in ACTIVATIONS if isinstance(legendre_map(name), LegendreMap)]
SIZES = {"softplus": {"beta": 3.0}}


def the_map(name: str) -> LegendreMap:
    act = legendre_map(name, **SIZES.get(name, {}))
    assert isinstance(act, LegendreMap)
    return act


def solve(objective, start: torch.Tensor, act: LegendreMap) -> torch.Tensor:
    """scipy's bounded quasi-Newton method; the gradient is autograd's of the objective's value alone."""

    def value_and_gradient(z: np.ndarray) -> tuple[float, np.ndarray]:
        point = torch.tensor(z, requires_grad=True)
        value = objective(point)
        (gradient,) = torch.autograd.grad(value, point)
        return value.item(), gradient.numpy()

    lo, hi = act.range
    bounds = [(lo + 1e-9 if lo > -np.inf else None, hi - 1e-9 if hi < np.inf else None)] * len(start)
    options = {"ftol": 0, "gtol": 1e-11, "maxiter": 2000, "maxcor": 30}
    found = minimize(
        value_and_gradient, start.numpy(), jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    return torch.tensor(found.x)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", MAPS)
def test_bregman_layer_minimises_f_plus_divergence(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    act = the_map(name)
    net = mlp([4], act=act, version="bregman", in_features=4, num_classes=2, clamp=None).double()
    layer = net.layers[0]
    z0 = act.act(torch.randn(4, dtype=torch.float64))
    pull = (layer.linear(z0)).detach()  # −∇f(z) = W z⁰ + b
    slope = act.inverse(z0)  # ∇Φ(z⁰)

    def objective(z: torch.Tensor) -> torch.Tensor:
        divergence = (act.potential(z) - act.potential(z0) - slope * (z - z0)).sum()
        return -(pull * z).sum() + divergence

    expected = act.act(layer(act.inverse(z0), z0, net.data_map)).detach()
    torch.testing.assert_close(solve(objective, z0, act), expected, rtol=0, atol=2e-6)


# maps that are proximal: ρ = prox_g with g = Φ − ½‖·‖² convex, that is ρ' ≤ 1
PROXIMAL = [name for name in MAPS if name not in ("scaled_tanh",)]


@pytest.mark.parametrize("name", PROXIMAL)
def test_euclidean_layer_minimises_f_plus_distance_plus_g(name: str) -> None:
    torch.manual_seed(0)
    act = the_map(name)
    net = mlp([4], act=act, version="euclidean", in_features=4, num_classes=2).double()
    layer = net.layers[0]
    z0 = act.act(torch.randn(4, dtype=torch.float64))
    pull = layer.linear(z0).detach()

    def objective(z: torch.Tensor) -> torch.Tensor:
        g = (act.potential(z) - 0.5 * z**2).sum()
        return -(pull * z).sum() + 0.5 * ((z - z0) ** 2).sum() + g

    expected = act.act(layer(z0, z0, net.data_map)).detach()
    torch.testing.assert_close(solve(objective, z0, act), expected, rtol=0, atol=2e-6)


def test_a_step_between_two_maps_minimises_f_plus_the_change_of_potentials() -> None:
    """z¹ = argmin −⟨W z⁰ + b, z⟩ + Φ₁(z) − ⟨∇Φ₀(z⁰), z⟩, with other parameters in Φ₁ than in Φ₀."""
    torch.manual_seed(0)
    act = the_map("softplus").learned("channel")
    net = mlp([4], act=act, version="bregman", in_features=4, num_classes=2, clamp=None).double()
    layer = net.layers[0]
    layer.rho.theta.beta.data = torch.tensor([-1.0, -0.5, 0.5, 1.0], dtype=torch.float64)
    next_act = layer.rho.act.at(beta=layer.rho.values["beta"].detach())
    z0 = act.act(torch.randn(4, dtype=torch.float64))
    pull, slope = layer.linear(z0).detach(), act.inverse(z0)

    def objective(z: torch.Tensor) -> torch.Tensor:
        return (next_act.potential(z) - (pull + slope) * z).sum()

    expected = layer.rho(layer(slope, z0, net.data_map)).detach()
    torch.testing.assert_close(solve(objective, z0, act), expected, rtol=0, atol=2e-6)
    assert (expected - act.act(slope + pull)).abs().max() > 0.1  # the maps differ
