"""Projected gradient descent (PGD), in the project's own loop."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bregman_exp.robustness.attack import flag, one_of, setting, whole
from bregman_exp.robustness.attack_result import AttackResult
from bregman_exp.robustness.attacks.loss import LOSSES, Ascent, input_gradient
from bregman_exp.robustness.threat import Threat, is_number
from bregman_exp.robustness.victim import Victim

PRECISIONS = ("float32", "float64")


@dataclass(frozen=True)
class Descent(Ascent):
    """The settings of PGD: steps of rel_step · ε, with restarts."""

    steps: int = whole(50)
    rel_step: float = setting(
        lambda value: is_number(value) and 0 < value <= 2,
        ": the step over ε must lie in (0, 2]",
        default=0.25,
    )
    restarts: int = whole(1)
    random_start: bool = flag(True)


@dataclass(frozen=True)
class PGD(Descent):
    """x ← Π(x + rel_step · ε · d(∇loss)), from a random point of the ball (Madry et al., 2018).

    d is the sign of the gradient (ℓ∞) or the gradient over its length (ℓ2), Π the projection onto ball and
    box. Every iterate is evaluated, the start and the last included. A sample is done at its first wrong
    iterate, which is returned; a sample that is never wrong returns its iterate of highest loss. Logits that
    are not finite are wrong. Losses are summed, not averaged, so that no sample depends on its batch.

    ``early_stop=False``: a sample is attacked to the end and returns its wrong iterate of highest loss.
    ``through``: the surrogate whose loss is increased, for a model that hides its gradient; the model itself
    decides what is right. ``precision``: the arithmetic of the attack and of its verification.
    """

    name, strength = "pgd", 2

    early_stop: bool = flag(True, unsaid=True)
    through: str | None = setting(
        lambda value: isinstance(value, str | None),
        ": give the name of a surrogate of the model",
        unsaid=True,
        default=None,
    )
    precision: str = one_of(PRECISIONS, "float32", unsaid=True)

    @property
    def variant(self) -> tuple[str | None, ...]:
        runs = None if self.restarts == 1 else f"{self.restarts}x{self.steps}"
        return (*super().variant, runs, self.through, None if self.precision == "float32" else self.precision)

    @property
    def rank(self) -> int:
        return 2 if self.restarts == 1 else 3

    def check_fits(self, victim: Victim, classes: int) -> None:
        super().check_fits(victim, classes)
        if self.through is not None:
            _ = victim.surrogate(self.through)

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> AttackResult:
        """The points, and the losses (N, 3)."""
        differentiated = victim.model if self.through is None else victim.surrogate(self.through)
        run = _Run(self, victim.model, differentiated, x, y, threat)
        best = _Best.of(x)
        if threat.eps > 0:
            for restart in range(self.restarts):
                left = torch.arange(len(x), device=x.device)
                left = left[best.right] if self.early_stop else left
                if len(left) == 0:
                    break
                start = x[left]
                if self.random_start:
                    stream = f"pgd-{threat.norm}-{restart}"
                    noise = threat.noise(start, ids[left.cpu()], victim.seed, stream)
                    start = threat.project(start + noise, start)
                run.descend(start, left, best)
        return AttackResult(best.points, losses=best.trace)


@dataclass
class _Best:
    """For every sample: the best point and its loss, whether all points were right, and the losses (N, 3).

    The losses are the highest ones at the start, after nine tenths of the steps and at the end of a run.
    """

    points: Tensor
    losses: Tensor
    right: Tensor
    trace: Tensor

    @classmethod
    def of(cls, x: Tensor) -> "_Best":
        right = torch.ones(len(x), dtype=torch.bool, device=x.device)
        return cls(x.clone(), x.new_full((len(x),), -torch.inf), right, x.new_zeros(len(x), 3))

    def update(self, index: Tensor, points: Tensor, losses: Tensor, right: Tensor) -> None:
        """A wrong point is better than a right one; among wrong or right points a higher loss is better."""
        first_wrong = ~right & self.right[index]
        better = first_wrong | ((right == self.right[index]) & (losses > self.losses[index]))
        self.points[index[better]] = points[better]
        self.losses[index[better]] = losses[better]
        self.right[index] &= right


@dataclass(frozen=True)
class _Run:
    pgd: PGD
    model: nn.Module
    differentiated: nn.Module
    x: Tensor
    y: Tensor
    threat: Threat

    def descend(self, points: Tensor, index: Tensor, best: _Best) -> None:
        """A run of the samples with this index, from ``points``; updates ``best``."""
        steps, step = self.pgd.steps, self.pgd.rel_step * self.threat.eps
        highest = self.x.new_full((len(index),), -torch.inf)
        marks = (0, steps - max(1, steps // 10), steps)
        for taken in range(steps + 1):
            points = points.detach().requires_grad_(taken < steps)
            with torch.set_grad_enabled(taken < steps):
                losses, right = self._evaluate(points, index)
            best.update(index, points.detach(), losses.detach(), right)
            highest = torch.maximum(highest, losses.detach())
            for mark in (mark for mark, at in enumerate(marks) if at == taken):
                best.trace[index, mark] = highest
            stay = right if self.pgd.early_stop else torch.ones_like(right)
            if taken == steps or not stay.any():
                return
            gradient = input_gradient(losses, points)
            index, points, gradient = index[stay], points.detach()[stay], gradient[stay]
            highest = highest[stay]
            points = self.threat.project(points + step * self.threat.ascent(gradient), self.x[index])

    def _evaluate(self, points: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """The losses to increase (n,), and whether the attacked model is right at these points (n,)."""
        logits = self.differentiated(points)
        losses = LOSSES[self.pgd.loss](logits, self.y[index])
        if self.differentiated is not self.model:
            with torch.no_grad():
                logits = self.model(points)
        return losses, is_right(logits, self.y[index])


def is_right(logits: Tensor, y: Tensor) -> Tensor:
    """Whether the logits (n, K) are finite and largest at y, (n,)."""
    return (logits.argmax(dim=1) == y) & logits.isfinite().all(dim=1)
