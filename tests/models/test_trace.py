"""Tracing: what is traced is what the network computes, layer by layer."""

import pytest
import torch
from torch import nn

import bregman_exp as bx
from bregman_exp.models.trace import layer_map, logits_from, primal_range, representations

VERSIONS = ("standard", "euclidean", "bregman")
X = torch.rand(20, 2, generator=torch.Generator().manual_seed(1)) * 0.9 + 0.05


def build(version: str, widths=(2, 2, 2), act: str = "tanh", **settings):
    torch.manual_seed(0)
    return bx.mlp(widths, act=act, version=version, in_features=2, num_classes=3, **settings)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("widths", [(2, 2, 2), (4, 4, 3)])
def test_the_last_representation_through_the_output_layer_gives_the_logits(version: str, widths) -> None:
    net = build(version, widths)
    traced = representations(net, X)
    assert [tuple(z.shape) for z in traced] == [(20, width) for width in (2, *widths)]
    assert torch.equal(traced[0], net.input_map(X))
    assert torch.equal(net.output(traced[-1]), net(X))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("widths", [(2, 2, 2), (4, 4, 3)])
@pytest.mark.parametrize("clamp", [1e-5, 0.1])
def test_each_layer_and_the_rest_of_the_network_from_z_alone(version: str, widths, clamp: float) -> None:
    net = build(version, widths, clamp=clamp).double()
    x = X.double()
    traced, logits = representations(net, x), net(x)
    for place, z in enumerate(traced):
        torch.testing.assert_close(logits_from(net, place, z), logits, rtol=1e-9, atol=1e-9)
        if place < len(widths):
            torch.testing.assert_close(layer_map(net, place, z), traced[place + 1], rtol=1e-9, atol=1e-9)


def test_one_bregman_layer_is_the_formula() -> None:
    net = build("bregman", [2]).double()
    z = torch.tensor([[0.3, -0.6]], dtype=torch.float64)
    linear = net.layers[0].linear
    expected = torch.tanh(torch.atanh(z) + z @ linear.weight.T + linear.bias)
    torch.testing.assert_close(layer_map(net, 0, z), expected)


def test_a_bregman_network_of_zeros_moves_no_point() -> None:
    net = build("bregman", init="deterministic").double()
    start, *moved = representations(net, X.double())
    for z in moved:
        torch.testing.assert_close(z, start, rtol=0, atol=1e-12)


def test_weights_and_mode_stay_and_no_gradient_is_kept() -> None:
    net = build("bregman").train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    traced = representations(net, X)
    assert not any(
        z.requires_grad for z in [*traced, layer_map(net, 0, traced[0]), logits_from(net, 1, traced[1])]
    )
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_the_range_of_z() -> None:
    assert primal_range(build("standard")) == (-1, 1)
    assert primal_range(build("standard", act="relu")) == (-float("inf"), float("inf"))


def test_bad_input() -> None:
    net = build("bregman", (4, 3))
    with pytest.raises(ValueError, match=r"l=2 is not allowed: this network has 2 layers; use 0 to 1\."):
        layer_map(net, 2, torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"l=3 is not allowed: this network has 2 layers; use 0 to 2\."):
        logits_from(net, 3, torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"z has shape \(1, 2\) at l=1; it must be \(N, 4\)\."):
        layer_map(net, 1, torch.zeros(1, 2))
    with pytest.raises(ValueError, match="Linear cannot be traced layer by layer; only MLPs can"):
        representations(nn.Linear(2, 2), X)
