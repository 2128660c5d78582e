"""A search without gradients for samples that are not images."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import Attack
from bregman_exp.robustness.attacks.loss import margin
from bregman_exp.robustness.threat import Threat, per_sample
from bregman_exp.robustness.victim import Victim

QUERIES = 5000  # as many as Square, which it replaces
FIRST_STEP, LAST_STEP = 0.5, 0.005  # the local step over ε, at the first and at the last query


@dataclass(frozen=True)
class RandomSearch(Attack):
    """``random_search`` with as many queries as Square has."""

    name = "random_search"
    draws_by_batch = True

    @torch.no_grad()
    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor:
        random = generator(victim.seed, "random-search", int(ids[0]))
        return random_search(victim.model, x, y, threat, queries=QUERIES, random=random)


def random_search(
    model: nn.Module, x: Tensor, y: Tensor, threat: Threat, *, queries: int, random: torch.Generator
) -> Tensor:
    """The point of largest margin among ``queries`` random points of the ball.

    Every other query is a new point x + ε u with u in the unit ball; the length of u is uniform, so that the
    centre is searched too. The queries between them step from the best point by a normal deviate, whose width
    falls geometrically from ε/2 to ε/200. A sample is done at its first wrong point. ``random`` is a CPU
    generator.

    Shapes: x (N, …) in [0, 1], y (N,) -> points like x.
    """
    best, left = x.clone(), torch.arange(len(x), device=x.device)
    highest = margin(model(x), y)
    for query in range(queries):
        left = left[highest[left] < 0]
        if len(left) == 0:
            break
        normal = torch.randn(x[left].shape, generator=random).to(x)
        if query % 2 == 0:
            length = torch.rand((len(left),) + (1,) * (x.dim() - 1), generator=random).to(x)
            unit = normal / per_sample(threat.norm.size(normal).clamp(min=1e-12), normal)
            moved = x[left] + threat.eps * length * unit
        else:
            width = FIRST_STEP * (LAST_STEP / FIRST_STEP) ** (query / queries)
            moved = best[left] + threat.eps * width * normal
        points = threat.project(moved, x[left])
        margins = margin(model(points), y[left])
        better = margins > highest[left]
        best[left[better]], highest[left[better]] = points[better], margins[better]
    return best
