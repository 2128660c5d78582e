"""Several attacks one after the other: the worst case over them, sample by sample."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from bregman_exp.robustness.attacks.pgd import is_right
from bregman_exp.robustness.found import Found

Member = Callable[[Tensor], Tensor]  # places (n,) of the samples to attack -> their points (n, …)


def in_turn(model: nn.Module, x: Tensor, y: Tensor, members: Iterable[tuple[str, Member]]) -> Found:
    """Each member sees only the samples that the earlier ones left right.

    A member is judged on the whole batch at once, as the harness looks at it. For points that none breaks
    the clean ones are returned. ``counts``: {"shares": {member: how many samples it was the first to break}}.

    Shapes: x (N, …) in [0, 1], y (N,) -> points like x, not yet verified.
    """
    points, right, shares = x.clone(), _right(model, x, y), {}
    for name, perturb in members:
        tried, left = points.clone(), right.nonzero().flatten()
        if len(left) > 0:
            tried[left] = perturb(left)
        broken = right & ~_right(model, tried, y)
        points[broken], right = tried[broken], right & ~broken
        shares[name] = int(broken.sum())
    return Found(points, {"shares": shares})


@torch.no_grad()
def _right(model: nn.Module, points: Tensor, y: Tensor) -> Tensor:
    return is_right(model(points), y)
