"""Models that are what they seem, some of them odd: no new check may fail them."""

from collections.abc import Callable
from threading import Lock

import torch
from torch import Tensor, nn

import bregman_exp as bx

from .deceptive import CLASSES, FEATURES, Deceptive, honest_network, samples_of
from .reference import Linear, tiny_conv

ACTS = ("atan", "tanh", "sigmoid", "softplus")


class NearestSample(Deceptive):
    """It remembers samples, openly: no layers, and as robust as its attack says."""

    def forward(self, x: Tensor) -> Tensor:
        return self.tough(x)


class WithALock(nn.Module):
    """Cannot be copied."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.lock = model, Lock()

    def forward(self, x: Tensor) -> Tensor:
        with self.lock:
            return self.model(x)


class PreparesItself(nn.Module):
    """Computes a table when it is first asked."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.scale = model, None

    def forward(self, x: Tensor) -> Tensor:
        if self.scale is None:
            self.scale = torch.linspace(0.9, 1.1, x.shape[1])
        return self.model(x * self.scale)


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return (x * 255).round() / 255

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient


class Quantized(nn.Module):
    """Sees eight bits, and gives the gradient that holds across them."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(_StraightThrough.apply(x))


class Saturated(nn.Module):
    """Scores that end in a bounded map, most of them at its end."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(2 * self.model(x))


def _linear() -> nn.Module:
    weight = torch.randn(CLASSES, FEATURES)
    return Linear(weight, -weight.sum(1) / 2)


def _relu_network() -> nn.Module:
    return nn.Sequential(
        nn.Linear(FEATURES, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, CLASSES)
    )


def _mlp(act: str, version: str) -> nn.Module:
    return bx.mlp([8, 8, 8], act=act, version=version, in_features=FEATURES, num_classes=CLASSES)


def _resnet(act: str, version: str) -> nn.Module:
    net = bx.resnet(20, act=act, version=version, num_classes=CLASSES, normalize="cifar10")
    with torch.no_grad():
        net.train()(torch.rand(16, 3, 8, 8))  # statistics for the batch normalisation
    return net


POINTS: dict[str, Callable[[], nn.Module]] = {
    "linear": _linear,
    "tanh network": honest_network,
    "relu network": _relu_network,
    "nearest sample": lambda: NearestSample(honest_network(), samples_of(honest_network())[0]),
    "with a lock": lambda: WithALock(honest_network()),
    "prepares itself": lambda: PreparesItself(honest_network()),
    "quantized": lambda: Quantized(honest_network()),
    "saturated": lambda: Saturated(honest_network()),
    "softplus": lambda: bx.mlp(
        [8, 8],
        act=bx.legendre_map("softplus", beta=10.0),
        version="bregman",
        in_features=FEATURES,
        num_classes=CLASSES,
    ),
    **{
        f"{version} mlp, {act}": lambda act=act, version=version: _mlp(act, version)
        for act in ACTS
        for version in ("standard", "bregman")
    },
}
IMAGES: dict[str, Callable[[], nn.Module]] = {
    "small convolutions": lambda: tiny_conv(),
    **{f"bregman resnet, {act}": lambda act=act: _resnet(act, "bregman") for act in ACTS},
    "resnet": lambda: _resnet("relu", "standard"),
}
