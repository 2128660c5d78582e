"""The forms made for speed have the logits and gradients of the plain model."""

import copy
import shutil
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import bregman_exp as bx
from bregman_exp.compiling import compiled, forget_compiled
from bregman_exp.models import FusedForm, ResNet, folded
from bregman_exp.models.architecture import cifar_architecture
from bregman_exp.models.fused import _functions

CASES = [
    ("relu", "standard", 2e-5),
    ("tanh", "standard", 2e-5),
    ("atan", "bregman", 2e-5),
    ("tanh", "bregman", 2e-5),
    ("sigmoid", "bregman", 2e-5),
    ("softplus", "bregman", 2e-5),
    ("tanh", "bregman", None),
    ("isru", "bregman", 2e-5),  # has no fused form
]


def small(act: str, version: str, clamp: float | None, shortcut: str = "pad") -> ResNet:
    """One block a stage; the normalisations away from their start, so that folding them does something."""
    torch.manual_seed(0)
    net = ResNet(cifar_architecture(1), bx.legendre_map(act), version, 10, "cifar10", clamp, shortcut)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 4.0)
            torch.nn.init.normal_(module.bias)
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    return net.to(memory_format=torch.channels_last)


def batch() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    return torch.rand(8, 3, 32, 32, generator=random), torch.arange(8)


def loss_and_gradients(net: ResNet, forward) -> tuple[Tensor, Tensor]:
    net.train().zero_grad()
    x, y = batch()
    loss = F.cross_entropy(forward(x), y)
    loss.backward()
    return loss.detach(), torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])


def assert_same_step(net: ResNet, forward) -> None:
    """One step's loss, gradients and running statistics, to float32 rounding."""
    twin = copy.deepcopy(net)
    (loss, gradients), (exact, expected) = loss_and_gradients(net, forward), loss_and_gradients(twin, twin)
    torch.testing.assert_close(loss, exact, rtol=2e-6, atol=0)
    assert (gradients - expected).norm() < 5e-5 * expected.norm()
    for (name, found), wanted in zip(net.named_buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize(("act", "version", "clamp"), CASES)
def test_fused_step(act: str, version: str, clamp: float | None) -> None:
    net = small(act, version, clamp)
    assert_same_step(net, FusedForm(net))


@pytest.mark.parametrize("act", ["tanh", "sigmoid", "softplus", "atan"])
def test_the_clamp_stops_the_same_gradients(act: str) -> None:
    """Also next to the clamp's ends, where z hardly tells u from its neighbour."""
    net = small(act, "bregman", 2e-5)
    _, split = _functions(net, gradients=True)
    lo, hi = (end if abs(end) < 1e30 else 0.0 for end in (net.clamp_dual.lo, net.clamp_dual.hi))
    near = torch.linspace(-1e-3, 1e-3, 2000)
    u = torch.cat([lo + near, hi + near, lo * (1 + near), torch.randn(2000) * 4])
    # at the end itself a rounded number may fall to either side
    u = u[(u != torch.tensor(lo)) & (u != torch.tensor(hi))].requires_grad_()
    weights = torch.randn(len(u))
    (found,) = torch.autograd.grad((split(u)[1] * weights).sum(), u)
    (expected,) = torch.autograd.grad((net.clamp_dual(u) * weights).sum(), u)
    assert torch.equal(found, expected)
    assert (expected == 0).any()
    assert (expected != 0).any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("act", ["tanh", "sigmoid", "softplus", "atan"])
@pytest.mark.parametrize("clamp", [2e-5, 1e-5])  # in float16 the clamp of atan is beyond all numbers for 1e-5
def test_the_clamp_in_half_precision(act: str, clamp: float, dtype: torch.dtype) -> None:
    """At every number of the dtype, also at the ends themselves."""
    net = small(act, "bregman", clamp)
    _, split = _functions(net, gradients=True)
    u = torch.arange(-(2**15), 2**15).to(torch.int16).view(dtype)
    u = u[~u.isnan()].requires_grad_()
    weights = torch.randn(len(u)).to(dtype)
    s, expected_s = split(u)[1], net.clamp_dual(u)
    (found,) = torch.autograd.grad((s * weights).sum(), u)
    (expected,) = torch.autograd.grad((expected_s * weights).sum(), u)
    assert torch.equal(s, expected_s)
    assert torch.equal(found, expected)
    assert (expected == 0).any()
    assert (expected != 0).any()


def under_autocast(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def forward_in_bfloat16(x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return forward(x)

    return forward_in_bfloat16


@pytest.mark.parametrize(("act", "version", "clamp"), CASES)
def test_fused_step_under_autocast(act: str, version: str, clamp: float | None) -> None:
    """Forward, both forms round the same numbers; backward, the plain one rounds more often.

    Both are 1 to 10 % from float32's gradients here (three stages, a batch of 8), FusedForm no further.
    """
    net = small(act, version, clamp)
    plain, exact = copy.deepcopy(net), copy.deepcopy(net)
    loss, gradients = loss_and_gradients(net, under_autocast(FusedForm(net)))
    plain_loss, plain_gradients = loss_and_gradients(plain, under_autocast(plain))
    _, in_float32 = loss_and_gradients(exact, exact)
    torch.testing.assert_close(loss, plain_loss, rtol=1e-3, atol=0)
    assert (gradients - plain_gradients).norm() < 0.03 * plain_gradients.norm()
    assert (gradients - in_float32).norm() < 1.05 * (plain_gradients - in_float32).norm()
    for (name, found), wanted in zip(net.named_buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3, msg=name)


@pytest.mark.parametrize(("act", "version", "clamp"), CASES[1:6])
def test_inference_under_autocast(act: str, version: str, clamp: float | None) -> None:
    net = small(act, version, clamp).eval()
    x, _ = batch()
    with torch.no_grad():
        found = under_autocast(FusedForm(net, gradients=False))(x)
        wanted = under_autocast(net)(x)
    assert found.dtype == torch.bfloat16
    assert (found - wanted).abs().max() <= 0.01 * wanted.abs().max()


@pytest.mark.parametrize("shortcut", ["pad", "projection"])
@pytest.mark.parametrize(("act", "version", "clamp"), CASES[:4])
def test_folded_logits(act: str, version: str, clamp: float | None, shortcut: str) -> None:
    net = small(act, version, clamp, shortcut)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    x, _ = batch()
    alone = folded(net)
    assert net.training
    assert not alone.training
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in alone.modules())
    with torch.no_grad():
        wanted = net.eval()(x)
        for found in (alone(x), FusedForm(alone, gradients=False)(x)):
            assert (found - wanted).abs().max() < 2e-5 * wanted.abs().max()
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling needs a C++ compiler")
def test_compiled_step_and_inference() -> None:
    net = small("tanh", "bregman", 2e-5)
    net.layer3, net.linear = torch.nn.Sequential(), torch.nn.Linear(32, 10)  # two stages, one shortcut
    try:
        assert_same_step(net, compiled(FusedForm(net), torch.device("cpu")))
        x, _ = batch()
        found = bx.fast_inference(net)(x)
        wanted = net.eval()(x)
    finally:
        forget_compiled()
    assert not found.requires_grad
    assert (found - wanted).abs().max() < 2e-5 * wanted.abs().max()
