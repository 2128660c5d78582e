"""The ImageNet family of ResNets, blocks with two skips, and other normalisations."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

import bregman_exp as bx
from bregman_exp.geometry import legendre_map
from bregman_exp.models import FusedForm, ResNet, folded, primal_forward
from bregman_exp.models.architecture import STEMS, Architecture

FAMILY = {
    "resnet18": (18, {}),
    "resnet34": (34, {}),
    "resnet50": (50, {}),
    "resnet101": (101, {}),
    "resnet152": (152, {}),
    "resnext50_32x4d": (50, {"groups": 32, "width_per_group": 4}),
    "resnext101_32x8d": (101, {"groups": 32, "width_per_group": 8}),
    "wide_resnet50_2": (50, {"width_per_group": 128}),
    "wide_resnet101_2": (101, {"width_per_group": 128}),
}
CIFAR = STEMS["cifar"]
TORCHVISIONS = {"stem": CIFAR, "torchvision": True}
BASIC = Architecture((1, 1), (16, 32), CIFAR)
BOTTLENECK = Architecture((2, 1), (16, 32), bottleneck=True, **TORCHVISIONS)
KINDS: dict[str, tuple[Architecture, str, str]] = {  # every kind of block, shortcut and normalisation, small
    "basic": (replace(BASIC, **TORCHVISIONS), "projection", "batch"),
    "two skips": (replace(BASIC, skips=2, **TORCHVISIONS), "projection", "batch"),
    "two skips, padded": (replace(BASIC, skips=2), "pad", "batch"),
    "bottleneck": (BOTTLENECK, "projection", "batch"),
    "groups": (replace(BOTTLENECK, groups=4, width_per_group=32), "projection", "batch"),
    "wide": (replace(BOTTLENECK, width_per_group=128), "projection", "batch"),
    "group norm": (BASIC, "projection", "group"),
    "no norm": (BASIC, "projection", "none"),
    "bottleneck, padded": (BOTTLENECK, "pad", "batch"),
}
FAST = ("resnet18", "resnext50_32x4d")


def all_but(*fast: str) -> Callable[[str], Any]:
    """Marks the other names as slow."""
    return lambda name: pytest.param(name, marks=[] if name in fast else pytest.mark.slow)


def family_member(name: str, **settings) -> ResNet:
    depth, of_blocks = FAMILY[name]
    usual = {"act": "relu", "version": "standard", "normalize": None}
    return bx.resnet(depth, **usual | of_blocks | settings)


def net_of(kind: str, act: str = "tanh", version: str = "bregman", clamp: float | None = 2e-5) -> ResNet:
    """With normalisations away from their start, and small updates, which keep the primal form accurate."""
    torch.manual_seed(0)
    shape, shortcut, norm = KINDS[kind]
    net = ResNet(shape, legendre_map(act), version, 10, None, clamp, shortcut, norm)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.normal_(module.running_mean, std=0.1)
    for block in net.blocks():
        for name in ("bn2", "bn3"):
            if isinstance(last := getattr(block, name, None), nn.BatchNorm2d | nn.GroupNorm):
                nn.init.constant_(last.weight, 0.2)
    return net


@pytest.mark.parametrize("name", FAMILY)
def test_names_and_shapes_of_the_weights_are_torchvisions(name: str) -> None:
    with torch.device("meta"):
        net = family_member(name, num_classes=1000)
        theirs = getattr(torchvision.models, name)(weights=None)
    ours = {key: value.shape for key, value in net.state_dict().items()}
    assert list(ours.items()) == [(key, value.shape) for key, value in theirs.state_dict().items()]
    with torch.device("meta"):
        bregman = family_member(name, act="tanh", version="bregman", num_classes=1000)
    assert sum(p.numel() for p in bregman.parameters()) == sum(p.numel() for p in theirs.parameters())


@pytest.mark.parametrize("name", [all_but(*FAST)(name) for name in FAMILY])
def test_logits_are_torchvisions(name: str) -> None:
    torch.manual_seed(0)
    theirs = getattr(torchvision.models, name)(weights=None).eval()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    ours = family_member(name, num_classes=1000).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected, logits = theirs(images), ours(images)
    assert (logits - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize("kind", KINDS)
def test_the_dual_form_is_the_primal_one(kind: str) -> None:
    net = net_of(kind, clamp=1e-3).double().eval()
    images = torch.rand(2, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    dual, primal = net(images), primal_forward(net, images)
    torch.testing.assert_close(dual, primal, rtol=1e-7, atol=1e-9)
    gradients = [torch.autograd.grad(logits.square().sum(), images)[0] for logits in (dual, primal)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-7)


def written_plainly(net: ResNet, images: Tensor) -> Tensor:
    """A standard network with the CIFAR stem, in z, as the formula reads."""
    rho = net.act.act
    z = rho(net.bn1(net.conv1(images)))
    for block in net.blocks():
        if getattr(block, "skips", 1) == 2:
            z = rho(block.skipped(z) + block.bn1(block.conv1(z)))
            z = rho(z + block.bn2(block.conv2(z)))
            continue
        inner = block.bn2(block.conv2(rho(block.bn1(block.conv1(z)))))
        if hasattr(block, "conv3"):
            inner = block.bn3(block.conv3(rho(inner)))
        z = rho(block.skipped(z) + inner)
    return net.head(z)


@pytest.mark.parametrize("kind", KINDS)
def test_a_standard_network_is_the_formula(kind: str) -> None:
    net = net_of(kind, "softplus", "standard").eval()
    images = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(net(images), written_plainly(net, images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_fused_and_the_folded_form_are_the_plain_one(kind: str) -> None:
    images, labels = torch.rand(4, 3, 16, 16), torch.arange(4)
    net, steps = net_of(kind), []
    for forward in (net, FusedForm(net)):
        net.train().zero_grad()
        F.cross_entropy(forward(images), labels).backward()
        steps.append(torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]))
    assert (steps[1] - steps[0]).norm() < 1e-4 * steps[0].norm()
    net.eval()
    torch.testing.assert_close(folded(net)(images), net(images), rtol=1e-4, atol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded(net).modules())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("version", ["standard", "bregman"])
@pytest.mark.parametrize("name", [all_but("resnet18")(name) for name in FAMILY])
def test_it_trains_a_step(name: str, version: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    net = family_member(name, act="softplus", version=version)
    before = {key: parameter.detach().clone() for key, parameter in net.named_parameters()}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        loss = F.cross_entropy(net(torch.rand(4, 3, 64, 64)), torch.arange(4))
    loss.backward()
    optimizer.step()
    assert loss.isfinite()
    moved = [key for key, value in net.named_parameters() if not torch.equal(value, before[key])]
    assert moved == list(before)
    assert all(parameter.isfinite().all() for parameter in net.parameters())


def test_the_pooling_of_the_stem_commutes_with_the_map() -> None:
    net, rho = bx.resnet(18, act="tanh", version="bregman", normalize=None), legendre_map("tanh")
    images = torch.rand(2, 3, 64, 64)
    u = net.bn1(net.conv1(images))
    assert net.stem(images).shape == (2, 64, 16, 16)
    assert torch.equal(rho.act(net.stem(images)), F.max_pool2d(rho.act(u), 3, 2, 1))


def test_the_cifar_stem_keeps_the_size() -> None:
    assert bx.resnet(18, act="tanh", stem="cifar").stem(torch.rand(2, 3, 32, 32)).shape == (2, 64, 32, 32)


def test_groups_of_group_normalisation_have_at_least_eight_channels() -> None:
    net = bx.resnet(20, act="tanh", norm="group")
    norms = [module for module in net.modules() if isinstance(module, nn.GroupNorm)]
    assert {(norm.num_groups, norm.num_channels) for norm in norms} == {(2, 16), (4, 32), (8, 64)}
    large = bx.resnet(50, act="tanh", norm="group")
    groups = {module.num_groups for module in large.modules() if isinstance(module, nn.GroupNorm)}
    assert groups == {8, 16, 32}


@pytest.mark.parametrize(
    ("depth", "settings", "sentence"),
    [
        (19, {}, "depth=19 does not exist; use one of 20, .*, 1202, 18, 34, 50, 101, 152"),
        (18, {"stem": "tiny"}, "stem='tiny' does not exist; use one of cifar, imagenet"),
        (20, {"stem": "imagenet"}, "stem='imagenet' is for 18, 34, 50, 101, 152 layers"),
        (50, {"skips": 2}, "skips=2 is for basic blocks; depth=50 has bottleneck blocks"),
        (18, {"skips": 3}, "skips=3: a block has 1 skip or 2"),
        (18, {"groups": 32}, "groups=32, width_per_group=64 are for bottleneck blocks"),
        (50, {"groups": 0}, "groups=0, width_per_group=64: both must be at least 1"),
        (20, {"norm": "layer"}, "norm='layer' does not exist; use one of batch, group, none"),
        (18, {"shortcut": "A"}, "shortcut='A' does not exist; use one of pad, projection"),
    ],
)
def test_bad_input(depth: int, settings: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        bx.resnet(depth, act="tanh", **settings)
