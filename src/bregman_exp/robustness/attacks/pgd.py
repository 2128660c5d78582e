"""Projected gradient descent, the project's own loop."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bregman_exp.robustness.attacks.loss import LOSSES, Loss
from bregman_exp.robustness.threat import Threat


def pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    threat: Threat,
    *,
    steps: int = 50,
    rel_step: float = 0.25,
    restarts: int = 1,
    random_start: bool = True,
    loss: str = "ce",
    ids: Tensor,
    seed: int = 0,
) -> Tensor:
    """x ← Π(x + rel_step · ε · d(∇loss)), from a random point of the ball (Madry et al., 2018).

    d is the sign of the gradient (ℓ∞) or the gradient over its length (ℓ2), Π the projection on ball and box.
    The step follows from ε. Every iterate is looked at, the start and the last too: a sample leaves the batch
    at its first wrong iterate, which is returned; a sample that is never wrong returns its iterate of highest
    loss. Logits that are not finite are wrong. Losses are summed, never averaged, so that no sample depends
    on its batch.

    Shapes: x (N, …) in [0, 1], y and ids (N,) -> adversarial points like x.
    """
    best = _Best(
        x.clone(), x.new_full((len(x),), -torch.inf), torch.ones(len(x), dtype=torch.bool, device=x.device)
    )
    if threat.eps == 0:
        return best.points
    for restart in range(restarts):
        left = best.right.nonzero().flatten()
        if len(left) == 0:
            break
        start = x[left]
        if random_start:
            noise = threat.noise(start, ids[left.cpu()], seed, f"pgd-{threat.norm}-{restart}")
            start = threat.project(start + noise, start)
        _descend(model, x, y, start, left, best, threat, steps, rel_step * threat.eps, LOSSES[loss])
    return best.points


@dataclass
class _Best:
    """For every sample: the best point so far, its loss, and whether no point was wrong yet."""

    points: Tensor
    losses: Tensor
    right: Tensor

    def see(self, places: Tensor, points: Tensor, losses: Tensor, right: Tensor) -> None:
        better = (losses > self.losses[places]) | ~right
        self.points[places[better]] = points[better]
        self.losses[places[better]] = losses[better]
        self.right[places] = right


def _descend(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    points: Tensor,
    places: Tensor,
    best: _Best,
    threat: Threat,
    steps: int,
    step: float,
    loss: Loss,
) -> None:
    """One descent of the samples at ``places``, from ``points``; what it finds goes into ``best``."""
    for taken in range(steps + 1):
        points = points.detach().requires_grad_(taken < steps)
        with torch.set_grad_enabled(taken < steps):
            logits = model(points)
            losses = loss(logits, y[places])
        right = (logits.argmax(dim=1) == y[places]) & logits.isfinite().all(dim=1)
        best.see(places, points.detach(), losses.detach(), right)
        if taken == steps or not right.any():
            return
        (gradient,) = torch.autograd.grad(losses.sum(), points)
        places, points, gradient = places[right], points.detach()[right], gradient[right]
        points = threat.project(points + step * threat.ascent(gradient), x[places])
