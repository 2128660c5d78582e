"""Twins of a model compute the same logits on the same weights, and pass the gradient that it hides."""

import math

import pytest
import torch
from torch import Tensor, nn

from bregman_exp.geometry import ACTIVATIONS, LegendreMap, legendre_map
from bregman_exp.models import MLP, PrimalForm, ResNet, mlp, primal_forward, resnet
from bregman_exp.models.version import DualClamp

SIZES = {"softplus": {"beta": 5.0}}
LEGENDRE = [name for name in ACTIVATIONS if isinstance(legendre_map(name), LegendreMap)]
CLAMPED = [name for name in LEGENDRE if name not in ("asinh", "identity", "leaky_relu")]  # those with an end


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def small_mlp(name: str, version: str = "bregman", widths=(3, 5, 2), **settings) -> MLP:
    act = legendre_map(name, **SIZES.get(name, {}))
    return mlp(widths, act=act, version=version, in_features=3, num_classes=4, **settings)


def small_resnet(name: str, version: str = "bregman", **settings) -> ResNet:
    act = legendre_map(name, **SIZES.get(name, {}))
    return resnet(20, act=act, version=version, num_classes=4, **settings).eval()


def points(net: nn.Module, n: int = 8) -> Tensor:
    return torch.rand(n, 3) if isinstance(net, MLP) else torch.rand(n, 3, 8, 8)


def straight(net: MLP | ResNet | PrimalForm) -> nn.Module:
    return net.surrogates()["straight-through"]


def input_gradient(net: nn.Module, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    logits = net(x)
    (gradient,) = torch.autograd.grad((logits * torch.arange(1.0, 5).to(logits)).sum(), x)
    return gradient


def held_mlp(act: str = "atan") -> MLP:
    """Layers that add nothing, so that the logits depend on x by the skips alone; the clamp is at |z| = 1."""
    net = small_mlp(act, widths=(3, 3), init="deterministic", clamp=legendre_map(act).range[1] - 1.0)  # type: ignore[attr-defined]
    nn.init.normal_(net.output.weight)
    return net


def held_resnet() -> ResNet:
    """Blocks that add nothing, and all of u ≈ 5 beyond the clamp."""
    net = small_resnet("atan", clamp=0.3)
    nn.init.constant_(net.bn1.bias, 5.0)
    nn.init.constant_(net.bn1.weight, 0.1)
    for block in net.blocks():
        nn.init.zeros_(block.bn2.weight)
    return net


# --- which models offer one ---


@pytest.mark.parametrize("build", [small_mlp, small_resnet])
@pytest.mark.parametrize("name", LEGENDRE)
def test_offered_where_a_clamp_acts(name: str, build) -> None:
    assert set(build(name, clamp=0.2).surrogates()) == ({"straight-through"} if name in CLAMPED else set())
    of_a_map = {"straight-through"} if name == "sin" else set()
    assert set(build(name, clamp=None).surrogates()) == of_a_map
    assert set(build(name, "euclidean").surrogates()) == of_a_map
    assert set(build(name, "standard").surrogates()) == of_a_map


def test_ordinary_networks_offer_none() -> None:
    for name in ("relu", "gelu"):
        assert small_mlp(name, "standard").surrogates() == {}
        assert small_resnet(name, "standard").surrogates() == {}


def test_bounds_are_the_models_alone() -> None:
    """`interval` reads slopes off the gradient, and the surrogate's are not those of the function."""
    net = small_mlp("sin")
    assert hasattr(net, "interval")
    assert not hasattr(straight(net), "interval")


# --- the same function on the same weights ---


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("build", [small_mlp, small_resnet])
@pytest.mark.parametrize("name", CLAMPED)
def test_the_logits_are_the_same_bit_for_bit(name: str, build, dtype: torch.dtype) -> None:
    net = build(name, clamp=0.2).to(dtype)
    with torch.no_grad():
        for weight in net.hidden_weights():
            weight.mul_(3)  # so that the clamps act
    x = points(net).to(dtype)
    assert torch.equal(straight(net)(x), net(x))


@pytest.mark.parametrize("build", [small_mlp, small_resnet])
@pytest.mark.parametrize("version", ["standard", "euclidean", "bregman"])
def test_the_sine_is_the_same_bit_for_bit_in_every_version(version: str, build) -> None:
    net = build("sin", version)
    with torch.no_grad():
        for weight in net.hidden_weights():
            weight.mul_(3)
    x = points(net)
    assert torch.equal(straight(net)(x), net(x))


@pytest.mark.parametrize(
    ("build", "settings"), [(small_mlp, {}), (small_mlp, {"weight_norm": True}), (small_resnet, {})]
)
def test_the_weights_are_the_models_own(build, settings: dict) -> None:
    net = build("tanh", **settings)
    keys, x = list(net.state_dict()), points(net)
    surrogate = straight(net)
    before = surrogate(x)
    assert list(net.state_dict()) == keys
    assert {id(p) for p in surrogate.parameters()} == {id(p) for p in net.parameters()}
    with torch.no_grad():
        for tensor in [*net.parameters(), *(b for b in net.buffers() if b.is_floating_point())]:
            tensor.add_(0.1)
    assert torch.equal(surrogate(x), net(x))
    assert not torch.allclose(surrogate(x), before)


@pytest.mark.parametrize("build", [small_mlp, small_resnet])
def test_a_later_change_of_dtype_is_followed(build) -> None:
    net = build("sigmoid")
    surrogate, x = straight(net), points(net).double()
    net.double()
    assert torch.equal(surrogate(x), net(x))


def test_training_flags_are_taken_over_and_apart() -> None:
    net = small_resnet("atan").train()
    net.layer1.eval()  # frozen batch statistics
    surrogate = straight(net)
    flags = [module.training for module in net.modules()]
    assert [module.training for module in surrogate.modules()] == [True, *flags]
    surrogate.eval()
    assert [module.training for module in net.modules()] == flags
    assert not any(module.training for module in straight(net.eval()).modules())


def test_the_model_keeps_its_clamp() -> None:
    net, x = held_mlp(), torch.full((1, 3), 0.99)
    straight(net)
    assert not input_gradient(net, x).any()


# --- the gradient ---


@pytest.mark.parametrize("build", [held_mlp, held_resnet])
def test_a_clamp_that_acts_hides_the_gradient_and_the_surrogate_does_not(build) -> None:
    net = build()
    x = points(net) / 100 + 0.99  # beyond the clamp of the MLP
    assert not input_gradient(net, x).any()
    passed = input_gradient(straight(net), x)
    assert passed.isfinite().all()
    assert (passed != 0).float().mean() > 0.3  # all but the pixels that the stages leave out


def test_the_gradient_of_the_clamp_is_taken_as_one() -> None:
    """Two layers that add nothing: u = tan z⁰ is held at tan 1, and the derivative is as if it were not."""
    net, x = held_mlp().double(), torch.full((1, 3), 0.9, dtype=torch.float64)
    u = torch.tan(net.input_map(x))
    held = math.tan(1.0)
    assert (u > held).all()
    of_logits = torch.arange(1.0, 5, dtype=torch.float64) @ net.output.weight / (1 + held**2)
    expected = of_logits * (1 + u**2) * net.input_map.scale
    torch.testing.assert_close(input_gradient(straight(net), x), expected.detach())


@pytest.mark.parametrize("name", ["atan", "softplus", "sin"])
@pytest.mark.parametrize("build", [small_mlp, small_resnet])
def test_where_no_clamp_acts_the_gradients_agree(name: str, build) -> None:
    net = build(name, clamp=1e-5).double()
    with torch.no_grad():  # small updates, u between −0.3 and 1
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.mul_(0.05)
            elif isinstance(module, nn.Linear) and module is not getattr(net, "output", None):
                module.weight.mul_(0.01)
                module.bias.zero_()
    if isinstance(net, ResNet):
        nn.init.constant_(net.bn1.bias, 0.3)
        middle = points(net).double()
    else:
        middle = 0.45 + 0.1 * points(net).double()
    gradient = input_gradient(net, middle)
    assert gradient.any()
    torch.testing.assert_close(input_gradient(straight(net), middle), gradient, rtol=1e-12, atol=0)


def test_extreme_values_pass_too() -> None:
    u = torch.tensor([-math.inf, -1e38, 0.5, math.inf], requires_grad=True)
    hold = DualClamp(-1.0, math.inf).straight_through()
    assert torch.equal(hold(u), DualClamp(-1.0, math.inf)(u))
    (slope,) = torch.autograd.grad(hold(u).sum(), u)
    assert torch.equal(slope, torch.ones(4))


# --- the sine ---


def test_the_sine_passes_u_where_it_is_held() -> None:
    """The slope of sin at ±π/2 is 0, so that to pass its clamp alone would hide the gradient as well."""
    sin = legendre_map("sin")
    through = sin.straight_through()
    assert (through.label, through == sin) == ("sin", False)
    u = torch.tensor([-9.0, -1.6, -1.0, 0.0, 1.5, 1.6, math.inf], requires_grad=True)
    assert torch.equal(through.act(u), sin.act(u))
    (slope,) = torch.autograd.grad(through.act(u).sum(), u)
    (true_slope,) = torch.autograd.grad(sin.act(u).sum(), u)
    held = u.abs() > math.pi / 2
    assert torch.equal(slope[held], torch.ones(4))
    assert torch.equal(slope[~held], true_slope[~held])
    assert through.act(u.bfloat16()).dtype == torch.bfloat16


def test_a_mixture_of_held_sines_passes_the_mixture() -> None:
    sin = legendre_map("sin")
    assert isinstance(sin, LegendreMap)
    through = sin.straight_through()
    R = torch.tensor([[0.25, 0.75, 0.0], [0.25, 0.25, 0.5]])
    u = torch.tensor([[2.0, 3.0, 0.2]], requires_grad=True)  # the first row sees held values only
    average = through.dual_average(u, R)  # type: ignore[attr-defined]
    assert torch.equal(average, sin.dual_average(u, R))
    hidden, passed = (torch.autograd.grad(act.dual_average(u, R)[0, 0], u)[0] for act in (sin, through))  # type: ignore[attr-defined]
    assert not hidden.any()
    torch.testing.assert_close(passed, R[:1])
    (mixed,) = torch.autograd.grad(average[0, 1], u)
    assert (mixed > 0).all()


@pytest.mark.parametrize("version", ["standard", "euclidean", "bregman"])
def test_a_saturated_sine_network(version: str) -> None:
    net, x = small_mlp("sin", version), torch.rand(4, 3)
    nn.init.constant_(net.layers[0].linear.bias, 20.0)  # type: ignore[union-attr, arg-type]
    assert input_gradient(net, x).abs().max() < 1e-5
    assert input_gradient(straight(net), x).abs().max() > 1e-3


# --- the primal form ---


@pytest.mark.parametrize("build", [small_mlp, small_resnet])
def test_primal_form_is_a_module(build) -> None:
    net = build("atan", clamp=0.2).double()
    x = points(net).double()
    form = PrimalForm(net)
    assert form.training == net.training
    assert torch.equal(form(x), primal_forward(net, x))
    surrogates = form.surrogates()
    assert list(surrogates) == ["dual-form", "straight-through"]
    assert torch.equal(surrogates["dual-form"](x), net(x))
    torch.testing.assert_close(surrogates["dual-form"](x), form(x), rtol=1e-7, atol=1e-9)
    assert {id(p) for p in surrogates["dual-form"].parameters()} == {id(p) for p in net.parameters()}
    surrogates["dual-form"].train(not net.training)
    assert net.training == form.training
    assert list(PrimalForm(build("atan", clamp=None)).surrogates()) == ["dual-form"]


def test_the_dual_form_keeps_the_gradient_that_rounding_hides() -> None:
    """tanh 20 is 1 in float32: its inverse has forgotten u, which a bias of −20 brings back."""
    net = small_mlp("tanh", widths=(3, 3), init="deterministic", clamp=None)
    nn.init.normal_(net.output.weight)
    for layer, bias in zip(net.layers, (20.0, -20.0), strict=True):
        nn.init.constant_(layer.linear.bias, bias)  # type: ignore[union-attr, arg-type]
    x, form = torch.rand(4, 3), PrimalForm(net)
    assert not input_gradient(form, x).any()
    assert input_gradient(form.surrogates()["dual-form"], x).abs().max() > 1e-2


def test_only_bregman_models_have_a_primal_form() -> None:
    with pytest.raises(ValueError, match="standard version has no primal form"):
        PrimalForm(small_mlp("atan", "standard"))
