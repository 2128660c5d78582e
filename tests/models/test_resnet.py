import pytest
import torch
import torch.nn.functional as F
from torch import nn

import bregman_exp as bx
from bregman_exp.geometry import ACTIVATIONS, LegendreMap, legendre_map
from bregman_exp.models import resnet

ALL = [
    (name, version)
    for name in ACTIVATIONS
    for version in ("standard", "bregman")
    if version == "standard" or isinstance(legendre_map(name), LegendreMap)
]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(("name", "version"), ALL)
def test_resnet20_has_269722_parameters_and_finite_logits(name: str, version: str) -> None:
    net = bx.resnet(20, act=name, version=version, num_classes=10, normalize="cifar10")
    assert sum(p.numel() for p in net.parameters()) == 269_722
    images = torch.rand(2, 3, 32, 32)
    for dtype in (torch.float32, torch.bfloat16):
        logits = net.to(dtype)(images.to(dtype))
        assert logits.shape == (2, 10)
        assert logits.isfinite().all()


class CommonResNet20(nn.Module):
    """The common CIFAR ResNet, written plainly: He et al. 2016, option A shortcuts."""

    class Block(nn.Module):
        def __init__(self, n_in: int, n: int):
            super().__init__()
            self.conv1 = nn.Conv2d(n_in, n, 3, n // n_in, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(n)
            self.conv2 = nn.Conv2d(n, n, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(n)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
            if y.shape != x.shape:
                x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, x.shape[1] // 2, x.shape[1] // 2))
            return F.relu(x + y)

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(self.Block(16, 16) for _ in range(3)))
        self.layer2 = nn.Sequential(self.Block(16, 32), self.Block(32, 32), self.Block(32, 32))
        self.layer3 = nn.Sequential(self.Block(32, 64), self.Block(64, 64), self.Block(64, 64))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(z.mean((2, 3)))


def test_a_public_state_dict_loads_and_gives_the_same_logits() -> None:
    public = CommonResNet20().eval()
    for module in public.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    net = resnet(20, act=legendre_map("relu"), version="standard").eval()
    net.load_state_dict(public.state_dict(), strict=True)
    images = torch.rand(4, 3, 32, 32)
    mean = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
    std = torch.tensor([0.2470, 0.2435, 0.2616]).view(3, 1, 1)
    torch.testing.assert_close(net(images), public((images - mean) / std), rtol=1e-4, atol=1e-4)


def test_softplus_with_the_published_clamp_is_nearly_the_relu_network() -> None:
    images = torch.rand(4, 3, 32, 32)
    bregman = resnet(20, act=legendre_map("softplus"), version="bregman", clamp=2e-5)
    relu = resnet(20, act=legendre_map("relu"), version="standard")
    relu.load_state_dict(bregman.state_dict())
    exact = resnet(20, act=legendre_map("softplus"), version="bregman", clamp=None)
    exact.load_state_dict(bregman.state_dict())
    near, far = (bregman(images) - relu(images)).abs().max(), (exact(images) - relu(images)).abs().max()
    assert near < 0.15
    assert far > 3 * near


@pytest.mark.parametrize(("depth", "params"), [(32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)])
def test_depths(depth: int, params: int) -> None:
    net = bx.resnet(depth, act="atan", version="bregman")
    assert sum(p.numel() for p in net.parameters()) == params
    assert len(net.blocks()) == (depth - 2) // 2


def test_euclidean_is_an_alias_of_standard() -> None:
    assert bx.resnet(20, act="relu", version="euclidean").version == "standard"


def test_a_clamp_beyond_half_precision_is_no_error() -> None:
    net = resnet(20, act=legendre_map("atan"), version="bregman", clamp=1e-5).half().eval()  # |u| ≤ 10⁵
    assert net(torch.rand(2, 3, 32, 32).half()).isfinite().all()


def test_padding_is_zero_in_the_dual_space() -> None:
    act = legendre_map("sigmoid")
    bregman, standard = resnet(20, act=act, version="bregman"), resnet(20, act=act, version="standard")
    u = torch.randn(2, 16, 4, 4)
    padded = bregman.layer2[0].skipped(u)
    assert padded.shape == (2, 32, 2, 2)
    assert not padded[:, :8].any()
    assert not padded[:, 24:].any()
    assert torch.equal(padded[:, 8:24], u[:, :, ::2, ::2])
    assert torch.equal(standard.layer2[0].skipped(u)[:, :8], torch.full((2, 8, 2, 2), 0.5))


@pytest.mark.parametrize("version", ["standard", "bregman"])
def test_grey_images_have_one_channel_and_statistics_of_their_own(version: str) -> None:
    settings = {"act": "atan", "version": version, "num_classes": 2}
    grey = bx.resnet(20, **settings, in_channels=1, normalize=((0.3,), (0.2,))).eval()
    assert grey.conv1.weight.shape == (16, 1, 3, 3)
    colour = bx.resnet(20, **settings, normalize=((0.3,) * 3, (0.2,) * 3)).eval()
    state = grey.state_dict()
    colour.load_state_dict(state | {"conv1.weight": state["conv1.weight"].expand(16, 3, 3, 3) / 3})
    images = torch.rand(4, 1, 8, 8)
    torch.testing.assert_close(grey(images), colour(images.expand(4, 3, 8, 8)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"depth": 21}, "depth=21 does not exist; use one of 20, 32, 44, 56, 110, 1202"),
        ({"act": "relu"}, "relu.*no inverse"),
        ({"act": "swish"}, "swish.*atan"),
        ({"shortcut": "A"}, "shortcut='A' does not exist; use one of pad, projection"),
        ({"normalize": "cifar"}, "normalize='cifar' is unknown; use one of cifar10, "),
        ({"num_classes": 1}, "num_classes=1"),
        ({"in_channels": 0}, "in_channels=0"),
        ({"in_channels": 1}, r"normalize has 3 values and the images have 1 channel"),
        ({"normalize": ((0.5,) * 2, (0.5,) * 2)}, "normalize has 2 values and the images have 3 channel"),
    ],
)
def test_bad_input(settings: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        bx.resnet(**{"depth": 20, "act": "atan", **settings})
