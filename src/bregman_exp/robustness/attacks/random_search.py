"""A search without gradients for points that are no images."""

import torch
from torch import Tensor, nn

from bregman_exp.robustness.attacks.loss import margin
from bregman_exp.robustness.threat import Threat

QUERIES = 5000  # as many as Square's, which it stands in for
WIDEST, NARROWEST = 0.5, 0.005  # the local step over ε, at the first and at the last query


def random_search(
    model: nn.Module, x: Tensor, y: Tensor, threat: Threat, *, queries: int, random: torch.Generator
) -> Tensor:
    """Keep the point of largest margin among ``queries`` random ones of the ball.

    Every other query is a fresh point x + ε u, u of the unit ball (its length uniform, so that the centre is
    searched too); the queries between step from the best point by a normal deviate whose width falls
    geometrically from ε/2 to ε/200. A sample leaves at its first wrong point. ``random`` is of the CPU.

    Shapes: x (N, …) in [0, 1], y (N,) -> points like x.
    """
    best, left = x.clone(), torch.arange(len(x), device=x.device)
    highest = margin(model(x), y)
    for query in range(queries):
        left = left[highest[left] < 0]  # at 0 another class has drawn level: no more is to be gained
        if len(left) == 0:
            break
        drawn = torch.randn(x[left].shape, generator=random).to(x)
        if query % 2 == 0:
            length = torch.rand((len(left),) + (1,) * (x.dim() - 1), generator=random).to(x)
            moved = x[left] + threat.eps * length * _unit(drawn, threat.norm)
        else:
            width = WIDEST * (NARROWEST / WIDEST) ** (query / queries)
            moved = best[left] + threat.eps * width * drawn
        points = threat.project(moved, x[left])
        margins = margin(model(points), y[left])
        better = margins > highest[left]
        best[left[better]], highest[left[better]] = points[better], margins[better]
    return best


def _unit(drawn: Tensor, norm: str) -> Tensor:
    order = float("inf") if norm == "linf" else 2
    size = drawn.flatten(1).norm(p=order, dim=1).clamp(min=1e-12)
    return drawn / size.view((-1,) + (1,) * (drawn.dim() - 1))
