"""Bounds of an MLP over boxes: they hold at every point, and close on the value."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from bregman_exp.geometry import ACTIVATIONS, LegendreMap, legendre_map
from bregman_exp.geometry.not_legendre import Relu
from bregman_exp.geometry.real_line import Asinh
from bregman_exp.models import MLP, mlp
from bregman_exp.models.interval import check_increasing

INCREASING = [name for name, kind in ACTIVATIONS.items() if issubclass(kind, LegendreMap | Relu)]
VERSIONS = ("standard", "euclidean", "bregman")
NETWORKS = [
    (act, version)
    for act, version in itertools.product(INCREASING, VERSIONS)
    if version != "bregman" or issubclass(ACTIVATIONS[act], LegendreMap)
]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def network(act: str, version: str, widths: list[int], scale: float = 3.0, **settings: Any) -> MLP:
    """In float64, with weights large enough to saturate, and to have skip and update cancel."""
    made = legendre_map(act, **settings.pop("parameters", {}))
    net = mlp(widths, act=made, version=version, in_features=2, num_classes=3, **settings).double()
    with torch.no_grad():
        for layer in [*net.layers, net.output]:
            linear = getattr(layer, "linear", layer)
            linear.weight.mul_(scale)
            linear.bias.mul_(scale)
    return net.eval()


def boxes(n: int, half_width: float) -> tuple[Tensor, Tensor]:
    centre = torch.rand(n, 2, dtype=torch.float64)
    return (centre - half_width).clamp(0, 1), (centre + half_width).clamp(0, 1)


@torch.no_grad()
def assert_holds(net: MLP, lo: Tensor, hi: Tensor, times: int = 30) -> None:
    lower, upper = net.interval(lo, hi)
    assert lower.dtype == torch.float64
    for _ in range(times):
        logits = net(lo + (hi - lo) * torch.rand_like(lo))
        assert (lower <= logits).all()
        assert (logits <= upper).all()
    for corner in (lo, hi, torch.stack([lo[:, 0], hi[:, 1]], 1), (lo + hi) / 2):
        logits = net(corner)
        assert (lower <= logits).all()
        assert (logits <= upper).all()


@pytest.mark.parametrize("half_width", [0.3, 1e-3])
@pytest.mark.parametrize(("act", "version"), NETWORKS)
def test_bounds_hold(act: str, version: str, half_width: float) -> None:
    for widths in ([2, 2, 2], [5, 3]):  # the second: the skip is a mixture
        assert_holds(network(act, version, widths), *boxes(60, half_width))


@pytest.mark.parametrize("parameters", [{"slope": 3.0}, {"slope": 0.2}])
@pytest.mark.parametrize("version", VERSIONS)
def test_bounds_hold_on_both_sides_of_a_kink(version: str, parameters: dict[str, float]) -> None:
    assert_holds(network("leaky_relu", version, [2, 2], parameters=parameters), *boxes(100, 0.1))
    alpha = {"alpha": parameters["slope"]}  # a jump of the slope at 0, up or down
    assert_holds(network("elu", version, [2, 2], parameters=alpha), *boxes(100, 0.1))


@pytest.mark.parametrize("act", ["atan", "tanh", "softplus"])
@pytest.mark.parametrize("clamp", [None, 1e-5, 0.3])
def test_bounds_hold_with_every_clamp(clamp: float | None, act: str) -> None:
    for widths in ([2, 2, 2], [5, 3]):
        assert_holds(network(act, "bregman", widths, clamp=clamp, scale=6), *boxes(100, 0.02))


def test_bounds_hold_in_depth_and_with_weight_normalisation() -> None:
    assert_holds(network("atan", "bregman", [2] * 40, scale=1), *boxes(100, 1e-3))
    plain = mlp([4, 4], act=legendre_map("tanh"), in_features=2, num_classes=3, weight_norm=True).double()
    assert_holds(plain, *boxes(100, 0.05))


@pytest.mark.parametrize(("act", "version"), NETWORKS)
def test_bounds_close_on_the_value_and_to_second_order_on_the_range(act: str, version: str) -> None:
    """At a point nothing is left; on small boxes the width is that of the function, not of its pieces."""
    net = network(act, version, [2, 2, 2])
    centre = 0.1 + 0.8 * torch.rand(200, 2, dtype=torch.float64)
    lower, upper = net.interval(centre, centre)
    logits = net(centre).detach()
    assert ((upper - lower) <= 1e-7 * (1 + logits.abs())).all()
    jacobian = torch.func.vmap(torch.func.jacrev(lambda p: net(p[None])[0]))(centre).detach()  # (N, 3, 2)
    half = 1e-6
    lower, upper = net.interval(centre - half, centre + half)
    exact = 2 * half * jacobian.abs().sum(dim=2)
    excess = (upper - lower - exact) / (exact + 1e-9)
    assert excess.quantile(0.9) < 0.1  # not all: a kink bends within the box


def test_the_model_is_as_it_was() -> None:
    net = mlp([2, 2], act=legendre_map("atan"), in_features=2, num_classes=2)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    net.interval(torch.zeros(1, 2), torch.ones(1, 2))
    assert all(value.dtype == torch.float32 for value in net.state_dict().values())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_what_cannot_be_bounded() -> None:
    box = torch.zeros(1, 2), torch.ones(1, 2)
    gelu = mlp([2], act=legendre_map("gelu"), version="standard", in_features=2, num_classes=2)
    with pytest.raises(ValueError, match=r"'gelu' is not increasing.*use a Legendre map or relu"):
        gelu.interval(*box)
    net = mlp([2], act=legendre_map("atan"), in_features=3, num_classes=2)
    with pytest.raises(ValueError, match=r"interval needs lo and hi of shape \(M, 3\), not \(1, 2\)"):
        net.interval(*box)


class Wavy(Asinh):
    """ρ(u) = u + sin(3u)/4: increasing, with a slope that goes up and down."""

    name = "wavy"

    def act(self, u: Tensor) -> Tensor:
        return u + torch.sin(3 * u) / 4


@pytest.mark.parametrize("name", INCREASING)
def test_the_slope_of_every_map_is_as_the_bounds_assume(name: str) -> None:
    check_increasing(ACTIVATIONS[name]())


def test_a_map_with_a_wavy_slope_has_no_bounds() -> None:
    with pytest.raises(ValueError, match="'wavy' has a slope that is not monotone on either side of 0"):
        check_increasing(Wavy())
