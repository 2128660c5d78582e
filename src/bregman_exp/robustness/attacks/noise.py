"""Random noise: the weakest adversary, which looks at no model."""

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attacks.loss import margin
from bregman_exp.robustness.threat import Threat


def uniform_noise(
    model: nn.Module, x: Tensor, y: Tensor, threat: Threat, *, draws: int, ids: Tensor, seed: int
) -> Tensor:
    """The best of some points x + δ, δ uniform in the ball, each projected into the box.

    Shapes: x (N, …) in [0, 1], y and ids (N,) -> points like x.
    """
    drawn = (threat.noise(x, ids, seed, f"noise-{threat.norm}-{draw}") for draw in range(draws))
    return _best(model, x, y, [threat.project(x + noise, x) for noise in drawn])


def gaussian_noise(
    model: nn.Module, x: Tensor, y: Tensor, threat: Threat, *, draws: int, ids: Tensor, seed: int
) -> Tensor:
    """The best of some points x + ε g / ‖g‖, g normal: noise whose norm is ε, projected into the box.

    Shapes: x (N, …) in [0, 1], y and ids (N,) -> points like x.
    """
    order = float("inf") if threat.norm == "linf" else 2
    points = []
    for draw in range(draws):
        normal = [
            torch.randn(x.shape[1:], generator=generator(seed, f"gaussian-noise-{draw}", int(i))) for i in ids
        ]
        g = torch.stack(normal).to(x)
        size = g.flatten(1).norm(p=order, dim=1).view((-1,) + (1,) * (x.dim() - 1))
        points.append(threat.project(x + threat.eps * g / size, x))
    return _best(model, x, y, points)


@torch.no_grad()
def _best(model: nn.Module, x: Tensor, y: Tensor, candidates: list[Tensor]) -> Tensor:
    """Of each sample's candidates the one of largest margin; a margin that is not finite is the largest."""
    best, highest = x.clone(), x.new_full((len(x),), -torch.inf)
    for points in candidates:
        margins = margin(model(points), y).nan_to_num(nan=torch.inf)
        better = margins > highest
        best[better], highest[better] = points[better], margins[better]
    return best
