"""Maps whose parameters are tensors: values and gradients."""

import math

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from bregman_exp.geometry import ACTIVATIONS, legendre_map

LEARNABLE = [name for name, kind in ACTIVATIONS.items() if kind.learnable]
U = torch.tensor([-30.0, -2.0, -0.3, 0.2, 1.5, 40.0], dtype=torch.float64)
METHODS = pytest.mark.parametrize("method", ["act", "inverse", "potential", "conjugate"])


def tensors(name: str, shape: tuple[int, ...] = ()) -> dict[str, torch.Tensor]:
    """Values around the map's own, in float64, that a gradient is wanted of."""
    factors = torch.linspace(0.8, 1.3, math.prod(shape), dtype=torch.float64).view(shape)
    parameters = legendre_map(name, **({"beta": 3.0} if name == "softplus" else {})).parameters
    return {key: (value * factors).requires_grad_() for key, value in parameters.items()}


def test_which_maps_can_be_learned() -> None:
    assert LEARNABLE == ["softplus", "scaled_tanh", "elu", "leaky_relu"]
    assert all(legendre_map(name).parameters for name in LEARNABLE)


@METHODS
@pytest.mark.parametrize("name", LEARNABLE)
def test_each_channel_has_the_values_of_the_map_with_its_numbers(name: str, method: str) -> None:
    values = tensors(name, (6,))
    learned = legendre_map(name).at(**values)
    x = U.expand(6, 6).T
    x = learned.act(x) if method in ("inverse", "potential") else x
    found = getattr(learned, method)(x)
    for channel in range(6):
        numbers = {key: float(value[channel].detach()) for key, value in values.items()}
        expected = getattr(legendre_map(name, **numbers), method)(x[:, channel])
        torch.testing.assert_close(found[:, channel], expected, rtol=1e-13, atol=1e-13)


@METHODS
@pytest.mark.parametrize("name", LEARNABLE)
def test_gradients(name: str, method: str) -> None:
    values = tensors(name, (3,))
    u = torch.tensor([[-0.7, 0.4, 1.1], [0.3, -1.2, -0.2]], dtype=torch.float64)
    kind = legendre_map(name)
    x = kind.at(**values).act(u).detach() if method in ("inverse", "potential") else u

    def function(x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        return getattr(kind.at(**dict(zip(values, parameters, strict=True))), method)(x)

    assert gradcheck(function, (x.requires_grad_(), *values.values()))


@pytest.mark.parametrize("name", LEARNABLE)
def test_gradients_of_mixtures_and_of_the_clamps_ends(name: str, simplex_rows: torch.Tensor) -> None:
    values, rows = tensors(name), simplex_rows[:1, :3] + 0.1
    u = torch.tensor([[-0.7, 0.4, 1.1]], dtype=torch.float64)

    def function(*parameters: torch.Tensor) -> list[torch.Tensor]:
        act = legendre_map(name).at(**dict(zip(values, parameters, strict=True)))
        ends = [end for end in act.dual_bounds(1e-3) if isinstance(end, torch.Tensor)]
        return [act.dual_average(u, rows / rows.sum()), *ends]

    assert gradcheck(function, tuple(values.values()))


def test_second_derivatives_of_softplus() -> None:
    u = torch.tensor([-0.4, 0.3, 0.9], dtype=torch.float64, requires_grad=True)
    beta = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    assert gradgradcheck(lambda u, beta: legendre_map("softplus").at(beta=beta).act(u), (u, beta))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_derivative_of_softplus_by_its_parameter_does_not_cancel(dtype: torch.dtype) -> None:
    """−H(σ(βu))/β² with H from logarithms that are exact for both signs; never NaN, and 0 far away."""
    beta = torch.tensor([0.5, 10.0, 1000.0], dtype=dtype).view(3, 1).expand(3, 9).clone().requires_grad_()
    x = torch.tensor([-1e35, -35.0, -5.0, -0.1, 0.0, 0.1, 5.0, 35.0, 1e35], dtype=torch.float64)
    u = (x / beta.detach().double()).to(dtype)
    (found,) = torch.autograd.grad(legendre_map("softplus").at(beta=beta).act(u).sum(), beta)
    x = (u.double() * beta.detach().double()).clamp(-700, 700)
    entropy = torch.sigmoid(x) * torch.log1p(torch.exp(-x)) + torch.sigmoid(-x) * torch.log1p(torch.exp(x))
    expected = -entropy / beta.detach().double() ** 2
    assert (found[:, [0, -1]].abs() < 1e-14).all()
    near = slice(1, -1)
    tolerance = (
        1e-13 if dtype == torch.float64 else 2e-5
    )  # |βu| = 35 in float32 is good to 2e-6, e^−35 to 4e-6
    torch.testing.assert_close(found[:, near].double(), expected[:, near], rtol=tolerance, atol=0)


def test_vmap_over_parameters_and_points() -> None:
    u, beta = torch.randn(5, 4, 3), torch.rand(5) + 0.5

    def value(u: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
        return legendre_map("softplus").at(beta=beta).act(u)

    expected = torch.stack([value(u[row], beta[row]) for row in range(5)])
    assert torch.equal(torch.vmap(value)(u, beta), expected)
    assert torch.equal(torch.vmap(value, in_dims=(1, None), out_dims=1)(u, beta[0]), value(u, beta[0]))
    assert torch.equal(torch.vmap(value, in_dims=(None, 0))(u[0], beta)[1], value(u[0], beta[1]))


def test_learned_maps_have_names_of_their_own() -> None:
    fixed, learned = legendre_map("softplus", beta=10.0), legendre_map("softplus", beta=10.0, learn="layer")
    assert (learned.label, learned.slug) == (
        "softplus(beta=10), learned per layer",
        "softplus-beta10-learned_layer",
    )
    assert learned != fixed
    assert learned == fixed.learned("layer") != fixed.learned("channel")
    assert learned.learned(None) == fixed
    assert len({learned, fixed, fixed.learned("layer")}) == 2
    assert fixed.label == "softplus(beta=10)"


def test_what_cannot_be_learned() -> None:
    with pytest.raises(ValueError, match=r"act.learn='neuron' does not exist; use one of network, layer, ch"):
        legendre_map("softplus", learn="neuron")
    with pytest.raises(ValueError, match=r"act.learn=layer: activation 'tanh' has no parameter that can be"):
        legendre_map("tanh", learn="layer")
