"""The forward pass that carries the dual variable equals the literal primal one, values and gradients."""

import pytest
import torch
from torch import nn

from bregman_exp.geometry import ACTIVATIONS, LegendreMap, legendre_map
from bregman_exp.models import mlp, primal_forward, resnet

MAPS = [name for name in ACTIVATIONS if isinstance(legendre_map(name), LegendreMap)]
SIZES = {"softplus": {"beta": 5.0}}


def gradients(net: nn.Module, logits: torch.Tensor) -> dict[str, torch.Tensor]:
    net.zero_grad()
    (logits * torch.linspace(-1, 1, logits.numel(), dtype=logits.dtype).view_as(logits)).sum().backward()
    return {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}


def assert_same(net, x: torch.Tensor) -> None:
    dual, primal = net(x), primal_forward(net, x)
    torch.testing.assert_close(dual, primal, rtol=1e-7, atol=1e-9)
    dual_gradients, primal_gradients = gradients(net, dual), gradients(net, primal)
    assert len(dual_gradients) == len(list(net.parameters()))
    scale = max(g.abs().max() for g in primal_gradients.values())
    for name, gradient in dual_gradients.items():
        torch.testing.assert_close(gradient / scale, primal_gradients[name] / scale, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("clamp", [1e-5, 0.2])
@pytest.mark.parametrize("name", MAPS)
def test_mlp(name: str, clamp: float) -> None:
    torch.manual_seed(0)
    act = legendre_map(name, **SIZES.get(name, {}))
    net = mlp([3, 3, 5, 2], act=act, version="bregman", in_features=3, num_classes=4, clamp=clamp).double()
    with torch.no_grad():
        for layer in net.layers:
            layer.linear.weight.mul_(2)
    assert_same(net, torch.rand(16, 3, dtype=torch.float64))


@pytest.mark.parametrize("shortcut", ["pad", "projection"])
@pytest.mark.parametrize("clamp", [2e-5, 0.2])
@pytest.mark.parametrize("name", MAPS)
def test_resnet(name: str, clamp: float, shortcut: str) -> None:
    torch.manual_seed(0)
    act = legendre_map(name, **SIZES.get(name, {}))
    net = resnet(20, act=act, version="bregman", clamp=clamp, shortcut=shortcut).double()
    with torch.no_grad():  # small updates keep the primal form accurate enough to be compared with
        for block in net.blocks():
            block.bn2.weight.fill_(0.1)
    assert_same(net, torch.rand(3, 3, 8, 8, dtype=torch.float64))


@pytest.mark.parametrize("name", ["atan", "tanh", "sigmoid", "softplus"])
def test_a_wide_clamp_acts(name: str) -> None:
    torch.manual_seed(0)
    act = legendre_map(name, **SIZES.get(name, {}))
    x = torch.rand(4, 3, 8, 8, dtype=torch.float64)
    net = resnet(20, act=act, version="bregman", clamp=0.2).double()
    free = resnet(20, act=act, version="bregman", clamp=None).double()
    free.load_state_dict(net.state_dict())
    assert (net(x) - free(x)).abs().max() > 1e-3


def test_only_bregman_models_have_a_primal_form() -> None:
    net = mlp([2], act=legendre_map("atan"), version="standard", in_features=2, num_classes=2)
    with pytest.raises(ValueError, match="standard version has no primal form"):
        primal_forward(net, torch.rand(1, 2))
