"""Networks of bregmanet 1.0.0: its formulas, written plainly here in z, on state dicts with its names."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import bregman_exp as bx
from bregman_exp.models.architecture import architecture, cifar_architecture
from bregman_exp.models.resnet import ResNet

State = dict[str, Tensor]
MAPS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], tuple[float, float]]] = {
    "atan": (torch.atan, torch.tan, (-torch.pi / 2, torch.pi / 2)),
    "tanh": (torch.tanh, torch.atanh, (-1, 1)),
    "sigmoid_as_released": (torch.sigmoid, lambda z: torch.log(z / (1 + z)), (0, 1)),
    "squareplus_as_released": (lambda u: (u + (u**2 + 1).sqrt()) / 2, lambda z: z + 1 / z, (0, torch.inf)),
    "sin_as_released": (torch.sin, torch.asin, (-1, 1)),
}
RIGHT = {"sigmoid_as_released": "sigmoid", "squareplus_as_released": "squareplus"}


def clamped(z: Tensor, bounds: tuple[float, float], c: float) -> Tensor:
    return z.clamp(bounds[0] + c, bounds[1] - c)


def mlp_state(inputs: int = 3, widths: tuple[int, ...] = (3, 3, 3, 3)) -> State:
    torch.manual_seed(0)
    state = {}
    for number, (n_in, n_out) in enumerate(zip((inputs, *widths), widths, strict=False)):
        state[f"lin.{number}.weight"] = torch.randn(n_out, n_in).double() / 2
        state[f"lin.{number}.bias"] = torch.randn(n_out).double() / 2
        if n_in != n_out:
            state[f"reparametrization.{number}.weight"] = torch.rand(n_out, n_in).double()
    output = {"output.weight": torch.randn(2, widths[-1]).double(), "output.bias": torch.zeros(2).double()}
    return state | output


@pytest.mark.parametrize("widths", [(3, 3, 3, 3), (3, 5, 2, 2)], ids=str)
@pytest.mark.parametrize("name", MAPS)
def test_an_mlp(name: str, widths: tuple[int, ...]) -> None:
    rho, inverse, bounds = MAPS[name]
    state = mlp_state(3, widths)
    net = bx.from_bregmanet(state, act=name).double()
    x = z = max(bounds[0], -1) * 0.9 + 0.05 + 0.8 * torch.rand(16, 3).double()
    for number in range(4):
        weight, bias, skipped = state[f"lin.{number}.weight"], state[f"lin.{number}.bias"], z
        if f"reparametrization.{number}.weight" in state:
            mixing = state[f"reparametrization.{number}.weight"]
            projected = F.relu(mixing - (mixing.sum(1, keepdim=True) - 1) / mixing.shape[1])
            skipped = z @ projected.float().double().T  # as the network stores it
        z = rho(inverse(clamped(skipped, bounds, 1e-5)) + z @ weight.T + bias)
    expected = z @ state["output.weight"].T + state["output.bias"]
    torch.testing.assert_close(net(x), expected, rtol=1e-9, atol=1e-9)
    if name in RIGHT:
        assert (bx.from_bregmanet(state, act=RIGHT[name]).double()(x) - expected).abs().max() > 1e-2


def test_a_standard_mlp() -> None:
    state = mlp_state() | {"lin.0.weight": torch.randn(3, 5).double()}  # the width may change
    x = z = torch.randn(8, 5).double()
    for number in range(4):
        z = torch.atan(z @ state[f"lin.{number}.weight"].T + state[f"lin.{number}.bias"])
    net = bx.from_bregmanet(state, act="atan", version="standard").double()
    torch.testing.assert_close(net(x), z @ state["output.weight"].T)


def resnet_state(stages: int) -> State:
    """One block a stage; the names are those of the common CIFAR ResNet, or of torchvision's."""
    torch.manual_seed(0)
    if stages == 3:
        shape = cifar_architecture(1)
    else:
        shape = replace(architecture(18, None, 1, 1, 64), blocks=(1, 1, 1, 1))
    net = ResNet(shape, bx.legendre_map("atan"), "bregman", 10, None, None, "pad").double()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    unused = {"layer2.0.downsample.0.weight": torch.zeros(1)}  # trained and stored by the large ones
    return net.state_dict() | (unused if stages == 4 else {})


def expected_logits(state: State, name: str, images: Tensor) -> Tensor:
    """bregmanet's forward pass, in z."""
    rho, inverse, bounds = MAPS[name]
    large = "fc.weight" in state

    def convolution(block: str, number: int, z: Tensor, stride: int = 1) -> Tensor:
        weight, norm = state[f"{block}conv{number}.weight"], f"{block}bn{number}"
        z = F.conv2d(z, weight, stride=stride, padding=weight.shape[-1] // 2)
        statistics = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        return F.batch_norm(z, *statistics, state[f"{norm}.weight"], state[f"{norm}.bias"])

    z = rho(convolution("", 1, images, 2 if large else 1))
    z = F.max_pool2d(z, 3, stride=2, padding=1) if large else z
    for stage in range(1, 5 if large else 4):
        block, stride = f"layer{stage}.0.", 1 if stage == 1 else 2
        inner = convolution(block, 2, rho(convolution(block, 1, z, stride)))
        if stride == 2:  # the padding is ρ(0)
            extra = z.shape[1] // 2
            z = F.pad(z[:, :, ::2, ::2], (0, 0, 0, 0, extra, extra), value=float(rho(torch.zeros(()))))
        z = rho(inner + inverse(clamped(z, bounds, 2e-5)))
    head = "fc" if large else "linear"
    return z.mean(dim=(2, 3)) @ state[f"{head}.weight"].T + state[f"{head}.bias"]


@pytest.mark.parametrize("stages", [3, 4])
@pytest.mark.parametrize("name", MAPS)
def test_a_resnet(name: str, stages: int) -> None:
    state, images = resnet_state(stages), torch.randn(2, 3, 32, 32).double()
    if (name, stages) == ("sin_as_released", 4):
        with pytest.raises(ValueError, match="with sin are not converted"):
            bx.from_bregmanet(state, act=name)
        return
    net = bx.from_bregmanet(state, act=name).double()
    torch.testing.assert_close(net(images), expected_logits(state, name, images), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", [name for name in MAPS if name.endswith("as_released")])
def test_a_network_with_a_released_map_trains(name: str) -> None:
    net = bx.resnet(20, act=name, version="bregman", normalize=None)
    F.cross_entropy(net(torch.rand(4, 3, 16, 16)), torch.arange(4)).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_bad_input() -> None:
    for state, act, sentence in (
        ({"fc.weight": torch.zeros(2, 2)}, "atan", "of no MLP .* and no ResNet"),
        (mlp_state() | {"lin.0.weight": torch.zeros(3, 5)}, "atan", "does not fit"),
        (mlp_state() | {"extra": torch.zeros(1)}, "atan", 'does not fit: Unexpected key.*"extra"'),
        (
            resnet_state(3) | {"layer3.1.conv1.weight": torch.zeros(1)},
            *("atan", r"the stages have \[1, 1, 2\] blocks"),
        ),
        (
            resnet_state(4) | {"layer1.0.conv3.weight": torch.zeros(1)},
            *("atan", "bottleneck networks give NaN"),
        ),
    ):
        with pytest.raises(ValueError, match=sentence):
            bx.from_bregmanet(state, act=act)
    with pytest.raises(ValueError, match=r"version is 'euclidean'.*have no skip"):
        bx.from_bregmanet(mlp_state(), act="atan", version="euclidean")
    with pytest.raises(ValueError, match=r"mixing='any' does not exist; use one of simplex, free"):
        bx.mlp([3, 4], act="atan", in_features=3, num_classes=2, mixing="any")
    with pytest.raises(ValueError, match=r"sigmoid_as_released.*one width.*differ"):
        bx.mlp([3, 4], act="sigmoid_as_released", in_features=3, num_classes=2)
