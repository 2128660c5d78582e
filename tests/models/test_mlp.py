import pytest
import torch
import torch.nn.functional as F

import bregman_exp as bx
from bregman_exp.geometry import legendre_map
from bregman_exp.models import mlp


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def build(version: str, widths=(2, 2, 2), **settings):
    act = legendre_map(settings.pop("act", "atan"))
    return mlp(widths, act=act, version=version, in_features=2, num_classes=2, **settings)


def test_formulas_on_one_layer() -> None:
    x = torch.rand(5, 2)
    z = -1.57 + 3.14 * x  # the stated interval of atan
    for version, skipped in (("standard", 0), ("euclidean", z), ("bregman", torch.tan(z))):
        net = build(version, widths=[2])
        update = F.linear(z, net.layers[0].linear.weight, net.layers[0].linear.bias)
        expected = net.output(torch.atan(skipped + update))
        torch.testing.assert_close(net(x), expected, rtol=1e-4, atol=1e-4)


def test_deterministic_start() -> None:
    standard, bregman = build("standard", init="deterministic"), build("bregman", init="deterministic")
    for layer in standard.layers:
        assert torch.equal(layer.linear.weight, torch.eye(2))
    for layer in bregman.layers:
        assert not layer.linear.weight.any()
    for net in (standard, bregman):
        assert torch.equal(net.output.weight, torch.full((2, 2), 0.5))
        assert torch.equal(net.output.bias, torch.full((2,), 0.5))


def test_a_zero_bregman_network_is_the_identity_between_input_and_output() -> None:
    net, x = build("bregman", init="deterministic"), torch.rand(9, 2) * 0.98 + 0.01
    torch.testing.assert_close(net(x), net.output(net.input_map(x)), rtol=1e-4, atol=1e-5)


def test_versions_share_the_input_map_and_the_random_start() -> None:
    torch.manual_seed(1)
    a = build("standard")
    torch.manual_seed(1)
    b = build("bregman")
    assert a.state_dict().keys() == b.state_dict().keys()
    assert all(torch.equal(v, b.state_dict()[k]) for k, v in a.state_dict().items())
    assert torch.equal(a.input_map.scale, b.input_map.scale)


def test_simplex_rows_stay_on_the_simplex_and_are_trained() -> None:
    net = build("bregman", widths=[5, 3], act="tanh")
    mixing = [layer.mixing for layer in net.layers]
    before = [m.weight.detach().clone() for m in mixing]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    x, y = torch.rand(64, 2), torch.randint(2, (64,))
    for _ in range(10):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    for m, start in zip(mixing, before, strict=True):
        assert (m.weight >= 0).all()
        torch.testing.assert_close(m.weight.sum(dim=1), torch.ones(len(start)))
        assert (m.weight - start).abs().max() > 1e-3
    clean = net(x)
    assert torch.equal(clean, net(x))  # the projection changes nothing between two forward passes


def test_the_optimizer_knows_every_parameter_of_the_mixing() -> None:
    net = build("bregman", widths=[4])
    F.cross_entropy(net(torch.rand(8, 2)), torch.zeros(8, dtype=torch.long)).backward()
    (raw,) = net.layers[0].mixing.parameters()
    assert raw.grad is not None
    assert raw.grad.abs().sum() > 0


def test_a_hundred_layers() -> None:
    net = bx.mlp([2] * 100, act="atan", version="bregman", in_features=2, num_classes=2)
    logits = net(torch.rand(7, 2))
    logits.sum().backward()
    assert logits.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_weight_normalisation() -> None:
    net = build("bregman", weight_norm=True)
    assert any("original0" in name for name, _ in net.named_parameters())
    for version in ("bregman", "standard"):  # wider than the input, the identity has rows of zeros
        with pytest.raises(
            ValueError, match=r"weight_norm=true cannot be used with init=deterministic: .*random"
        ):
            build(version, weight_norm=True, init="deterministic")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"version": "hyperbolic"},
            "version='hyperbolic' does not exist; use one of standard, euclidean, bregman",
        ),
        ({"version": "bregman", "act": "relu"}, "relu.*no inverse.*atan"),
        (
            {"version": "bregman", "init": "zero"},
            "init='zero' does not exist; use one of random, deterministic",
        ),
        (
            {"version": "bregman", "clamp": -1.0},
            "clamp=-1.0 does not fit atan: it must be above 0 and below 1.57",
        ),
        ({"version": "bregman", "widths": []}, "at least one layer"),
        ({"version": "bregman", "mixing": "any"}, "mixing='any' does not exist; use one of simplex, free"),
        ({"version": "bregman", "mixing": "free", "clamp": None}, "it needs a clamp, such as 1e-5"),
    ],
)
def test_bad_input(settings: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build(**settings)
