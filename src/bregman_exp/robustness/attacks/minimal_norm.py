"""The nearest wrong point of each sample: a single run gives the robust accuracy at every ε."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bregman_exp.robustness.attack import Attack, whole
from bregman_exp.robustness.attack_result import AttackResult
from bregman_exp.robustness.attacks.loss import Loss, input_gradient, margin
from bregman_exp.robustness.threat import Norm, Threat, per_sample
from bregman_exp.robustness.victim import Victim

TARGETS = 4  # target classes, after the most likely wrong class
RANDOM_STARTS = 8
PROBES = 8  # random points from which a random start is chosen
SHARE = 4  # all descents but the first have steps / SHARE steps, because they start from a known distance
REL_STEP = (0.25, 0.01)  # the step over the sample's ε, at the first and at the last step
CHANGE = (0.1, 0.001)  # by how much ε shrinks or grows, at the first and at the last step
HALVINGS = 12
OUTWARD = 2.0**-12  # how far the result is moved beyond the boundary: verification may round differently
MIN_EPS = 1e-12  # ε divides the offsets
ROUNDING = 64  # machine epsilons; distances of points projected onto the same ball differ by less


@dataclass(frozen=True)
class MinimalNorm(Attack):
    """The nearest misclassified point in the box [0, 1] that was found, and its distance, for each sample.

    The margin is increased within a ball whose radius ε belongs to the sample:
    δ ← Π_ε(δ + α ε d(∇margin)), d and Π as in ``PGD``. Until the first wrong point, ε is where the linearised
    margin reaches 0, ‖δ‖ + |margin| / ‖∇margin‖_dual. Then ε shrinks by γ at a wrong point and grows by γ at
    a right one, up to the best distance. α and γ fall along a cosine.

    The first descent starts at x and has ``steps`` steps. The others have a quarter of that, in the ball
    whose radius is the best distance (in the whole box, if none is known). Up to four of them start at x and
    increase z_k − z_y for the second to fifth most likely wrong class k at x. Eight start at random points:
    each at the point of largest margin of eight. At the end the segment from x to the best point is halved;
    its wrong end is moved 0.02 % outward. A gradient that is not finite counts as 0. Logits that are not
    finite are wrong.

    A point is returned only if the model, shown the whole batch again, misclassifies it. Random numbers
    depend on (seed, id).

    The distances (N,) are in float64: ∞, with the point x, if no wrong point was found; 0 if x is wrong.
    Source: FMN, Pintor, Roli, Brendel & Biggio, "Fast minimum-norm adversarial attacks through adaptive norm
    constraints", NeurIPS 2021; the restarts are ours.
    """

    name = "fmn"
    gradients = nearest = True

    steps: int = whole(100)

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> AttackResult:
        model, norm = victim.model, threat.norm
        wrong = _is_wrong(model, x, y)
        points, distances = x.clone(), torch.zeros(len(x), dtype=torch.float64, device=x.device)
        left = (~wrong).nonzero().flatten()
        if len(left) == 0:
            return AttackResult(points, distances=distances)
        search = _Search(model, x[left], y[left], norm)
        search.descend(x[left], margin, self.steps)
        fewer = math.ceil(self.steps / SHARE)
        for target in search.runners_up():
            search.descend(x[left], _towards(target), fewer)
        for start in range(RANDOM_STARTS):
            search.descend(search.random_start(ids[left.cpu()], victim.seed, start), margin, fewer)
        distances[left] = torch.inf
        for candidates in (search.on_the_boundary(), search.points):
            shown = points.clone()
            shown[left] = torch.where(per_sample(distances[left].isinf(), x), candidates, points[left])
            confirmed = distances.isinf() & _is_wrong(model, shown, y)
            points[confirmed] = shown[confirmed]
            distances[confirmed] = norm.size(shown[confirmed].double() - x[confirmed].double())
        return AttackResult(points, distances=distances)


class _Search:
    """Samples that are right, (N, …), each with the nearest wrong point so far and its distance."""

    def __init__(self, model: nn.Module, x: Tensor, y: Tensor, norm: Norm):
        self.model, self.x, self.y, self.norm, self.unit = model, x, y, norm, Threat(norm, 1.0)
        self.points = x.clone()
        self.distances = x.new_full((len(x),), torch.inf)
        self.reach = self.norm.size(torch.maximum(x, 1 - x))  # the farthest corner of the box

    @property
    def radius(self) -> Tensor:
        """The largest useful distance, (N,)."""
        return torch.minimum(self.distances, self.reach)

    @torch.no_grad()
    def runners_up(self) -> list[Tensor]:
        """The second, third, … most likely wrong class at x, (N,) each."""
        logits = self.model(self.x)
        others = logits.scatter(1, self.y[:, None], -torch.inf)
        ranked = others.argsort(dim=1, descending=True, stable=True)
        return list(ranked[:, 1 : min(1 + TARGETS, logits.shape[1] - 1)].unbind(dim=1))

    def descend(self, points: Tensor, loss: Loss, steps: int) -> None:
        """Increases ``loss``, which is positive only at wrong points, from ``points``."""
        radius = self.distances
        for taken in range(steps):
            points = points.detach().requires_grad_()
            with torch.enable_grad():
                logits = self.model(points)
                losses = loss(logits, self.y)
            gradient = _usable(input_gradient(losses, points))
            points = points.detach()
            wrong = self._update(points, logits.detach())
            change, step = _cosine(CHANGE, taken / steps), _cosine(REL_STEP, taken / steps)
            radius = self._next(radius, points, wrong, losses.detach(), gradient, change)
            points = self._moved(points, radius, step * self.unit.ascent(gradient))
        with torch.no_grad():
            self._update(points, self.model(points))

    @torch.no_grad()
    def random_start(self, ids: Tensor, seed: int, start: int) -> Tensor:
        """The point of largest margin among some random points within each sample's radius."""
        best, highest = self.x, torch.full_like(self.distances, -torch.inf)
        for probe in range(PROBES):
            noise = self.unit.noise(self.x, ids, seed, f"minimal-norm-{self.norm}-{start}-{probe}")
            points = _in_the_box(self.x, noise * per_sample(self.radius, self.x))
            logits = self.model(points)
            self._update(points, logits)
            margins = margin(logits, self.y)  # a NaN is never the highest, since it has no gradient
            better = margins > highest
            best, highest = (
                torch.where(per_sample(better, best), points, best),
                margins.where(better, highest),
            )
        return best

    def on_the_boundary(self) -> Tensor:
        """Points just beyond the boundary, on the segments from x to the best points."""
        offset = self.points - self.x
        right, wrong = torch.zeros_like(self.distances), torch.ones_like(self.distances)
        for _ in range(HALVINGS):
            middle = (right + wrong) / 2
            is_wrong = _is_wrong(self.model, self.x + offset * per_sample(middle, offset), self.y)
            right, wrong = middle.where(~is_wrong, right), middle.where(is_wrong, wrong)
        return (self.x + offset * per_sample(wrong * (1 + OUTWARD), offset)).clamp(0, 1)

    def _update(self, points: Tensor, logits: Tensor) -> Tensor:
        """Stores points that are wrong and nearer than the best; returns which points are wrong, (N,).

        Of points at equal distance the first is kept: the last bits of a distance depend on the batch.
        """
        wrong = _wrong(logits, self.y)
        size = self.norm.size(points - self.x)
        nearer = wrong & (size < self.distances * (1 - ROUNDING * torch.finfo(size.dtype).eps))
        self.points = torch.where(per_sample(nearer, points), points, self.points)
        self.distances = size.where(nearer, self.distances)
        return wrong

    def _next(
        self, radius: Tensor, points: Tensor, wrong: Tensor, losses: Tensor, gradient: Tensor, change: float
    ) -> Tensor:
        """Each sample's ε for the next step, (N,)."""
        flat = gradient.flatten(1)
        dual = flat.abs().sum(dim=1) if self.norm is Norm.LINF else flat.norm(dim=1)
        needed = self.norm.size(points - self.x) + losses.abs() / dual.clamp(min=torch.finfo(dual.dtype).tiny)
        has_wrong_point = self.distances.isfinite()
        grown = torch.where(has_wrong_point, radius, needed.nan_to_num(nan=torch.inf)) * (1 + change)
        shrunk = torch.minimum(radius, self.distances) * (1 - change)
        return torch.minimum(shrunk.where(wrong, grown), self.radius).clamp(min=MIN_EPS)

    def _moved(self, points: Tensor, radius: Tensor, step: Tensor) -> Tensor:
        """x + Π_ε(δ + ε · step), in the box; scaled to radius 1, because projections take a single ε."""
        eps = per_sample(radius, points)
        inside = self.norm.project((points - self.x) / eps + step, torch.zeros_like(points), 1.0)
        return (self.x + eps * inside).clamp(0, 1)


def _in_the_box(x: Tensor, offset: Tensor) -> Tensor:
    """x + offset, with the opposite offset in coordinates that would leave the box.

    With a clamp alone, most of a large ball around a point in a corner would end on the faces of the corner.
    """
    moved = x + offset
    return torch.where((moved < 0) | (moved > 1), x - offset, moved).clamp(0, 1)


def _towards(target: Tensor) -> Loss:
    """The loss z_k − z_y, where k is each sample's target, (N,)."""
    return lambda logits, y: (logits.gather(1, target[:, None]) - logits.gather(1, y[:, None])).squeeze(1)


def _usable(gradient: Tensor) -> Tensor:
    """The gradient, 0 for a sample whose gradient is not finite: a NaN point would count as wrong."""
    return gradient.where(per_sample(gradient.flatten(1).isfinite().all(dim=1), gradient), 0)


def _cosine(ends: tuple[float, float], progress: float) -> float:
    """From the first end at progress 0 to the second at 1, along half a cosine."""
    return ends[1] + (ends[0] - ends[1]) * (1 + math.cos(math.pi * progress)) / 2


@torch.no_grad()
def _is_wrong(model: nn.Module, points: Tensor, y: Tensor) -> Tensor:
    return _wrong(model(points), y)


def _wrong(logits: Tensor, y: Tensor) -> Tensor:
    return (logits.argmax(dim=1) != y) | ~logits.isfinite().all(dim=1)
