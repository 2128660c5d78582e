"""Small classifiers whose robustness is known or quick to find, and what one can see of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bregman_exp.robustness import AttackSpec, Check
from bregman_exp.robustness.attack_result import AttackResult
from bregman_exp.robustness.victim import Victim


class Linear(nn.Module):
    """z = W x + b on flattened inputs."""

    def __init__(self, weight: Tensor, bias: Tensor):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight.T + self.bias


class Function(nn.Module):
    """Two classes, logits (0, f(x)), where f maps (N, d) to (N,)."""

    def __init__(self, f: Callable[[Tensor], Tensor]):
        super().__init__()
        self.f = f

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([torch.zeros_like(x[:, 0]), self.f(x)], dim=1)


class Watched(nn.Module):
    """The model, and every input it was shown."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        return self.model(x)


@dataclass
class Task:
    """A classifier of two classes with samples, some of them wrong."""

    model: Linear
    x: Tensor
    y: Tensor

    @property
    def points(self) -> Tensor:
        return self.x.float() / 255 if self.x.dtype == torch.uint8 else self.x

    @property
    def towards_the_other(self) -> Tensor:
        """∇(z_other − z_y), (N, d)."""
        w = self.model.weight.detach()
        return (w[1] - w[0]) * (1 - 2 * self.y)[:, None]

    def lead(self, points: Tensor) -> Tensor:
        """z_y − z_other, (N,), in double precision."""
        w, b = self.model.weight.detach().double(), self.model.bias.detach().double()
        z = points.double().flatten(1) @ w.T + b
        return (z[:, 1] - z[:, 0]) * (2 * self.y - 1)


def linear_task(shape: tuple[int, ...], low: float, high: float, scale: float = 1.0, n: int = 150) -> Task:
    """Samples uniform in [low, high]; every tenth label is wrong."""
    d = torch.Size(shape).numel()
    weight = scale * torch.randn(2, d)
    model = Linear(weight, -weight.sum(1) * (low + high) / 2)
    x = low + (high - low) * torch.rand(n, *shape)
    y = model(x).argmax(1)
    y[::10] = 1 - y[::10]
    return Task(model, x, y)


def named(checks: Sequence[Check], name: str) -> list[Check]:
    """The checks of this name."""
    return [check for check in checks if check.name == name]


def found_by(
    spec: AttackSpec, model: nn.Module, x: Tensor, y: Tensor, *, ids: Tensor | None = None, seed: int = 0
) -> AttackResult:
    """What the attack itself comes back with."""
    return spec.find(Victim(model, seed), x, y, torch.arange(len(x)) if ids is None else ids)


def tiny_mlp(n_in: int = 2, classes: int = 3) -> nn.Module:
    """Random and far from linear."""
    net = nn.Sequential(nn.Linear(n_in, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, classes))
    with torch.no_grad():
        net[0].weight.mul_(8)
        net[2].weight.mul_(4)
        net[4].bias.zero_()
    return net


def tiny_conv() -> nn.Module:
    """3 classes, images (3, 6, 6)."""
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(96, 3))


def labelled(model: nn.Module, *shape: int) -> tuple[Tensor, Tensor]:
    """Samples in [0, 1] and the classes that the model gives them in eval mode."""
    mode = model.training
    x = torch.rand(shape)
    with torch.no_grad():
        y = model.eval()(x).argmax(1)
    model.train(mode)
    return x, y
