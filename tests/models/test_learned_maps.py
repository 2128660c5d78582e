"""Networks that learn the parameters of their maps."""

import json
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import bregman_exp as bx
from bregman_exp.geometry import Activation, legendre_map
from bregman_exp.models import FusedForm, folded, mlp, resnet
from bregman_exp.models.layer_map import LearnedMap
from bregman_exp.training.stack import Stack
from tests.conftest import TINY
from tests.models.test_dual_form import assert_same

PER = pytest.mark.parametrize("per", ["network", "layer", "channel"])
STARTS = {"softplus": {"beta": 5.0}, "leaky_relu": {"slope": 0.3}}
LEARNABLE = pytest.mark.parametrize("name", ["softplus", "scaled_tanh", "elu", "leaky_relu"])


def learned(name: str, per: str | None) -> Activation:
    return legendre_map(name, learn=per, **STARTS.get(name, {}))


def with_moved_maps(net: nn.Module) -> nn.Module:
    """The network with other parameters than the initial ones, different in each map and channel."""
    generator = torch.Generator().manual_seed(1)
    for module in net.modules():
        if isinstance(module, LearnedMap):
            for theta in module.theta.parameters():
                theta.data = 0.3 * torch.randn(theta.shape, generator=generator, dtype=theta.dtype)
    return net


def small_mlp(act: Activation, version: str = "bregman", widths=(3, 3, 3), **settings) -> nn.Module:
    torch.manual_seed(0)
    net = mlp(list(widths), act=act, version=version, in_features=3, num_classes=2, **settings)
    return with_moved_maps(net)


def small_resnet(act: Activation, version: str = "bregman", depth: int = 20, **settings) -> nn.Module:
    torch.manual_seed(0)
    return with_moved_maps(resnet(depth, act=act, version=version, normalize=None, **settings))


@PER
@LEARNABLE
@pytest.mark.parametrize("clamp", [None, 1e-5, 0.2])
def test_the_dual_form_of_an_mlp_is_the_primal_one(name: str, per: str, clamp: float | None) -> None:
    widths = (3, 3, 3) if per == "channel" else (3, 5, 2)
    net = small_mlp(learned(name, per), widths=widths, clamp=clamp).double()
    assert_same(net, torch.rand(8, 3, dtype=torch.float64))


@PER
@pytest.mark.parametrize(("name", "clamp"), [("softplus", 0.2), ("scaled_tanh", 0.2), ("softplus", None)])
def test_the_dual_form_of_a_resnet_is_the_primal_one(name: str, per: str, clamp: float | None) -> None:
    net = small_resnet(learned(name, per), clamp=clamp).double()
    for block in net.blocks():
        nn.init.constant_(block.bn2.weight, 0.1)
    assert_same(net, torch.rand(2, 3, 8, 8, dtype=torch.float64))


@pytest.mark.parametrize("settings", [{"skips": 2}, {"depth": 50, "stem": "cifar"}], ids=str)
def test_other_blocks(settings: dict) -> None:
    net = small_resnet(learned("softplus", "channel"), clamp=1e-3, **settings).double().eval()
    for block in net.blocks():
        nn.init.constant_((block.bn3 if hasattr(block, "bn3") else block.bn2).weight, 0.1)
    assert_same(net, torch.rand(2, 3, 4, 4, dtype=torch.float64))


@PER
@pytest.mark.parametrize("version", ["standard", "euclidean", "bregman"])
def test_an_mlp_begins_as_the_fixed_one(version: str, per: str) -> None:
    nets = []
    for act in (learned("softplus", per), learned("softplus", None)):
        torch.manual_seed(0)
        nets.append(mlp([3, 3], act=act, version=version, in_features=3, num_classes=2, clamp=0.2))
    x = torch.rand(6, 3)
    torch.testing.assert_close(nets[0](x), nets[1](x), rtol=1e-6, atol=1e-6)
    assert {float(value) for value in nets[0].learned["layers.0.rho.beta"].reshape(-1)} == {5.0}
    assert nets[1].learned == {}


@PER
def test_how_many_parameters_are_learned(per: str) -> None:
    net, image_net = small_mlp(learned("scaled_tanh", per)), small_resnet(learned("softplus", per))
    counts = {"network": (2, 1), "layer": (6, 19), "channel": (18, 688)}
    names = [name for name, _ in net.named_parameters() if "theta" in name]
    assert len(names) == (2 if per == "network" else 6)
    found = tuple(
        sum(p.numel() for name, p in each.named_parameters() if "theta" in name) for each in (net, image_net)
    )
    assert found == counts[per]
    assert sum(value.numel() for value in image_net.learned.values()) == found[1]


@pytest.mark.parametrize("version", ["standard", "bregman"])
@pytest.mark.parametrize("per", ["layer", "channel"])
def test_a_step_of_training_moves_every_map(version: str, per: str) -> None:
    net = small_resnet(learned("softplus", per), version)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    images, labels = torch.rand(4, 3, 8, 8), torch.arange(4)
    nn.functional.cross_entropy(net(images), labels).backward()
    optimizer.step()
    moved = {name for name, p in net.named_parameters() if not torch.equal(p, before[name])}
    assert {name for name in before if "theta" in name} <= moved
    assert all(p.isfinite().all() for p in net.parameters())


def test_padded_channels_have_the_current_value_at_zero() -> None:
    """The mean over the channels of ρ(0) = log 2/β, where a standard network pads z."""
    net = small_resnet(learned("softplus", "channel"), "standard")
    block = net.layer2[0]
    expected = (torch.log(torch.tensor(2.0)) / block.rho.values["beta"]).mean()
    padded = block.skipped(torch.rand(2, 16, 4, 4))
    torch.testing.assert_close(padded[:, [0, 7, 24, 31]], expected.expand(2, 4, 2, 2))
    assert abs(float(expected.detach()) - legendre_map("softplus", beta=5.0).zero) > 1e-3
    assert padded.requires_grad


@PER
@LEARNABLE
@pytest.mark.parametrize("version", ["standard", "bregman"])
def test_a_stack_is_each_network_alone(name: str, per: str, version: str) -> None:
    """Also: no operation that vmap would run row by row, which is slow and warns."""
    nets = [small_mlp(learned(name, per), version, clamp=0.05) for _ in range(3)]
    for row, net in enumerate(nets):
        for parameter in net.parameters():
            parameter.data.add_(0.1 * row)
    stack, x = Stack(nets), torch.rand(3, 7, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logits = stack(x)
        logits.square().sum().backward()
    stacked = dict(stack.template.named_parameters())
    for row, net in enumerate(nets):
        own = net(x[row])
        torch.testing.assert_close(logits[row], own, rtol=1e-5, atol=1e-5)
        own.square().sum().backward()
        for key, parameter in net.named_parameters():
            torch.testing.assert_close(stacked[key].grad[row], parameter.grad, rtol=1e-4, atol=1e-4)


def test_other_forms_of_a_network() -> None:
    net = small_resnet(learned("softplus", "layer"), clamp=0.2).eval()
    x, expected = torch.rand(2, 3, 8, 8), None
    with torch.no_grad():
        expected = net(x)
        assert torch.equal(FusedForm(net)(x), expected)
        torch.testing.assert_close(folded(net)(x), expected, rtol=1e-4, atol=1e-4)
        assert torch.equal(net.surrogates()["straight-through"](x), expected)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = net(x)
    assert half.dtype == torch.bfloat16
    assert half.isfinite().all()


@PER
def test_a_surrogate_passes_the_clamp(per: str) -> None:
    net = small_mlp(learned("softplus", per), clamp=0.5, init="deterministic")
    x = torch.full((1, 3), 0.05, requires_grad=True)  # z⁰ = 0.257 is below the clamp
    through = net.surrogates()["straight-through"]
    gradients = [torch.autograd.grad(form(x)[:, 0].sum(), x)[0] for form in (net, through)]
    assert torch.equal(net(x), through(x))
    assert (gradients[0] == 0).all()
    assert (gradients[1] != 0).all()


def test_bounds_hold_with_learned_maps() -> None:
    net = small_mlp(learned("softplus", "channel"))
    points = torch.rand(500, 3) * 0.02 + 0.4
    lower, upper = net.interval(torch.full((1, 3), 0.4), torch.full((1, 3), 0.42))
    logits = net(points).double()
    assert (lower - 1e-5 <= logits).all()
    assert (logits <= upper + 1e-5).all()
    assert (upper - lower < 1.0).all()


def test_a_map_per_channel_needs_layers_of_one_width() -> None:
    with pytest.raises(ValueError, match=r"act.learn=channel is for hidden layers of one width, .*\[3, 5\]"):
        small_mlp(learned("softplus", "channel"), widths=(3, 5))
    assert small_mlp(learned("softplus", "channel"), "standard", widths=(3, 5)).learned


def test_a_stored_run_has_the_values_it_learned(command, tmp_path: Path) -> None:
    words = ("act=softplus", "act.beta=2", "act.learn=channel", "attack=none", "optim.lr=0.1")
    assert command("train", *TINY, *words, "seeds=0..1").code == 0
    assert command("train", *TINY, *words, "seed=0", "output_dir=alone").code == 0
    folders = {p.parent: json.loads(p.read_text()) for p in tmp_path.rglob("metrics.json")}
    values = {}
    for folder, record in folders.items():
        run = bx.load(folder)
        of_run = torch.cat([value.reshape(-1) for value in run.net.learned.values()])
        assert len(of_run) == 6
        assert (of_run != 2).all()
        learned_range = record["train"]["learned"]["beta"]
        assert learned_range["min"] == pytest.approx(of_run.min().item())
        assert learned_range["max"] == pytest.approx(of_run.max().item())
        assert "learned beta: " in (folder / "run.log").read_text()
        assert "softplus-beta2-learned_channel" in folder.parent.name
        values["alone" in folder.parts, record["seed"]] = of_run
    torch.testing.assert_close(values[True, 0], values[False, 0], rtol=1e-5, atol=0)
    assert not torch.allclose(values[False, 0], values[False, 1])
