"""Projected gradient descent, the project's own loop."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bregman_exp.robustness.attacks.found import Found
from bregman_exp.robustness.attacks.loss import LOSSES, input_gradient
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
    early_stop: bool = True,
    gradient_of: nn.Module | None = None,
    ids: Tensor,
    seed: int = 0,
) -> Found:
    """x ← Π(x + rel_step · ε · d(∇loss)), from a random point of the ball (Madry et al., 2018).

    d is the sign of the gradient (ℓ∞) or the gradient over its length (ℓ2), Π the projection on ball and box.
    The step follows from ε. Every iterate is looked at, the start and the last too: a sample leaves the batch
    at its first wrong iterate, which is returned; a sample that is never wrong returns its iterate of highest
    loss. Logits that are not finite are wrong. Losses are summed, never averaged, so that no sample depends
    on its batch.

    ``early_stop=False``: a sample stays to the end and returns its wrong iterate of highest loss.
    ``gradient_of``: the model whose loss is ascended where the attacked one hides its gradient; right and
    wrong are the attacked model's all the same.

    Shapes: x (N, …) in [0, 1], y and ids (N,) -> adversarial points like x, losses (N, 3).
    """
    run = _Run(model, gradient_of or model, x, y, threat, steps, rel_step * threat.eps, loss, early_stop)
    best = _Best.of(x)
    if threat.eps > 0:
        for restart in range(restarts):
            left = torch.arange(len(x), device=x.device)
            left = left[best.right] if early_stop else left
            if len(left) == 0:
                break
            start = x[left]
            if random_start:
                noise = threat.noise(start, ids[left.cpu()], seed, f"pgd-{threat.norm}-{restart}")
                start = threat.project(start + noise, start)
            run.descend(start, left, best)
    return Found(best.points, losses=best.trace)


@dataclass
class _Best:
    """For every sample: the best point so far, its loss, whether no point was wrong yet, and how its loss
    rose in the latest run."""

    points: Tensor
    losses: Tensor
    right: Tensor
    trace: Tensor

    @classmethod
    def of(cls, x: Tensor) -> "_Best":
        right = torch.ones(len(x), dtype=torch.bool, device=x.device)
        return cls(x.clone(), x.new_full((len(x),), -torch.inf), right, x.new_zeros(len(x), 3))

    def see(self, places: Tensor, points: Tensor, losses: Tensor, right: Tensor) -> None:
        """A wrong point is better than any right one; of two wrong or two right ones that of higher loss."""
        first_wrong = ~right & self.right[places]
        better = first_wrong | ((right == self.right[places]) & (losses > self.losses[places]))
        self.points[places[better]] = points[better]
        self.losses[places[better]] = losses[better]
        self.right[places] &= right


@dataclass(frozen=True)
class _Run:
    model: nn.Module
    gradient_of: nn.Module
    x: Tensor
    y: Tensor
    threat: Threat
    steps: int
    step: float
    loss: str
    early_stop: bool

    def descend(self, points: Tensor, places: Tensor, best: _Best) -> None:
        """One descent of the samples at ``places``, from ``points``; what it finds goes into ``best``."""
        highest = self.x.new_full((len(places),), -torch.inf)
        marks = (0, self.steps - max(1, self.steps // 10), self.steps)
        for taken in range(self.steps + 1):
            points = points.detach().requires_grad_(taken < self.steps)
            with torch.set_grad_enabled(taken < self.steps):
                losses, right = self._look(points, places)
            best.see(places, points.detach(), losses.detach(), right)
            highest = torch.maximum(highest, losses.detach())
            for mark in (mark for mark, step in enumerate(marks) if step == taken):
                best.trace[places, mark] = highest
            stay = right if self.early_stop else torch.ones_like(right)
            if taken == self.steps or not stay.any():
                return
            gradient = input_gradient(losses, points)
            places, points, gradient = places[stay], points.detach()[stay], gradient[stay]
            highest = highest[stay]
            points = self.threat.project(points + self.step * self.threat.ascent(gradient), self.x[places])

    def _look(self, points: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """The losses to ascend (n,), and whether the attacked model is right at these points (n,)."""
        logits = self.gradient_of(points)
        losses = LOSSES[self.loss](logits, self.y[places])
        if self.gradient_of is not self.model:
            with torch.no_grad():
                logits = self.model(points)
        return losses, is_right(logits, self.y[places])


def is_right(logits: Tensor, y: Tensor) -> Tensor:
    """Whether the finite logits (n, K) are largest at y, (n,)."""
    return (logits.argmax(dim=1) == y) & logits.isfinite().all(dim=1)
