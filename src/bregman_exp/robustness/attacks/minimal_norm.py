"""The nearest wrong point of each sample: one run gives robust accuracy at every ε."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bregman_exp.robustness.attack import Attack, whole
from bregman_exp.robustness.attacks.loss import Loss, input_gradient, margin
from bregman_exp.robustness.found import Found
from bregman_exp.robustness.threat import Norm, Threat, per_sample
from bregman_exp.robustness.victim import Victim

TARGETS = 4  # classes beyond the likeliest that a descent of its own makes for, where there are so many
RANDOM_STARTS = 8
PROBES = 8  # random points that each of these starts is chosen from
SHARE = 4  # all but the first descent have this part of the steps: they start from what is known
REL_STEP = (0.25, 0.01)  # the step over the sample's ε, at the first and at the last step
CHANGE = (0.1, 0.001)  # by how much ε shrinks or grows, likewise
HALVINGS = 12
OUTWARD = 2.0**-12  # so much further than the boundary, for a verification that rounds differently
SMALLEST = 1e-12  # ε divides the offsets
ROUNDING = 64  # machine epsilons: points of one ball, whose radius is the best distance, differ by less


@dataclass(frozen=True)
class MinimalNorm(Attack):
    """The nearest misclassified point found in the box [0, 1], and its distance, for each sample.

    Ascent of the margin within a ball whose radius ε is each sample's own:
    δ ← Π_ε(δ + α ε d(∇margin)), d and Π as in ``PGD``. While nothing is wrong yet, ε is where the
    linearised margin reaches 0, ‖δ‖ + |margin| / ‖∇margin‖_dual; from then on ε shrinks by γ at a wrong point
    and grows by γ at a right one, never beyond the best distance. α and γ fall along a cosine.

    The first descent starts at x and takes ``steps`` steps. All others take a quarter of that, in the ball
    whose radius is the best distance (in the whole box where nothing is known), since a nearer wrong point
    lies in there, also where the gradient at x does not lead to it. Up to four of them start at x and ascend
    z_k − z_y for one class k each, the second to the fifth likeliest wrong one at x; eight start at that one
    of eight random points which has the largest margin. At last the segment from x to the best point is
    halved; of it the wrong end is kept, 0.02 % further out. A gradient that is not finite counts as none.
    Logits that are not finite are wrong.

    Nothing is returned that the model, shown the whole batch once more, does not misclassify. Random numbers
    follow from (seed, id).

    Its distances (N,) are in float64: x itself and infinity where no wrong point was found; x and 0 where x
    itself is wrong. Source: FMN, Pintor, Roli, Brendel & Biggio, "Fast minimum-norm adversarial attacks
    through adaptive norm constraints", NeurIPS 2021; the restarts are ours.
    """

    name = "fmn"
    gradients = nearest = True

    steps: int = whole(100)

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Found:
        model, norm = victim.model, threat.norm
        wrong = _is_wrong(model, x, y)
        points, distances = x.clone(), torch.zeros(len(x), dtype=torch.float64, device=x.device)
        left = (~wrong).nonzero().flatten()
        if len(left) == 0:
            return Found(points, distances=distances)
        search = _Search(model, x[left], y[left], norm)
        search.descend(x[left], margin, self.steps)
        fewer = math.ceil(self.steps / SHARE)
        for target in search.runners_up():
            search.descend(x[left], _towards(target), fewer)
        for start in range(RANDOM_STARTS):
            search.descend(search.probed(ids[left.cpu()], victim.seed, start), margin, fewer)
        distances[left] = torch.inf
        for candidates in (search.on_the_boundary(), search.points):
            shown = points.clone()
            shown[left] = torch.where(per_sample(distances[left].isinf(), x), candidates, points[left])
            confirmed = distances.isinf() & _is_wrong(model, shown, y)
            points[confirmed] = shown[confirmed]
            distances[confirmed] = norm.size(shown[confirmed].double() - x[confirmed].double())
        return Found(points, distances=distances)


class _Search:
    """Samples that are right, (N, …), each with the nearest wrong point seen so far and its distance."""

    def __init__(self, model: nn.Module, x: Tensor, y: Tensor, norm: Norm):
        self.model, self.x, self.y, self.norm, self.unit = model, x, y, norm, Threat(norm, 1.0)
        self.points = x.clone()
        self.distances = x.new_full((len(x),), torch.inf)
        self.reach = self.norm.size(torch.maximum(x, 1 - x))  # the farthest corner of the box

    @property
    def radius(self) -> Tensor:
        """Nothing farther than this is of use, (N,)."""
        return torch.minimum(self.distances, self.reach)

    @torch.no_grad()
    def runners_up(self) -> list[Tensor]:
        """The classes, (N,) each, that are second, third, … among the wrong ones at x."""
        logits = self.model(self.x)
        others = logits.scatter(1, self.y[:, None], -torch.inf)
        ranked = others.argsort(dim=1, descending=True, stable=True)
        return list(ranked[:, 1 : min(1 + TARGETS, logits.shape[1] - 1)].unbind(dim=1))

    def descend(self, points: Tensor, loss: Loss, steps: int) -> None:
        """From ``points`` up ``loss``, positive at wrong points only; the last iterate is looked at too."""
        radius = self.distances
        for taken in range(steps):
            points = points.detach().requires_grad_()
            with torch.enable_grad():
                logits = self.model(points)
                losses = loss(logits, self.y)
            gradient = _usable(input_gradient(losses, points))
            points = points.detach()
            wrong = self._see(points, logits.detach())
            change, step = _cosine(CHANGE, taken / steps), _cosine(REL_STEP, taken / steps)
            radius = self._next(radius, points, wrong, losses.detach(), gradient, change)
            points = self._moved(points, radius, step * self.unit.ascent(gradient))
        with torch.no_grad():
            self._see(points, self.model(points))

    @torch.no_grad()
    def probed(self, ids: Tensor, seed: int, start: int) -> Tensor:
        """Of some random points around each sample, within its radius, the one of largest margin."""
        best, highest = self.x, torch.full_like(self.distances, -torch.inf)
        for probe in range(PROBES):
            noise = self.unit.noise(self.x, ids, seed, f"minimal-norm-{self.norm}-{start}-{probe}")
            points = _in_the_box(self.x, noise * per_sample(self.radius, self.x))
            logits = self.model(points)
            self._see(points, logits)
            margins = margin(logits, self.y)  # a NaN is never the highest: there is no way up from it
            better = margins > highest
            best, highest = (
                torch.where(per_sample(better, best), points, best),
                margins.where(better, highest),
            )
        return best

    def on_the_boundary(self) -> Tensor:
        """Points of the segments from x to the points found: wrong, and right a little nearer to x."""
        offset = self.points - self.x
        right, wrong = torch.zeros_like(self.distances), torch.ones_like(self.distances)
        for _ in range(HALVINGS):
            middle = (right + wrong) / 2
            is_wrong = _is_wrong(self.model, self.x + offset * per_sample(middle, offset), self.y)
            right, wrong = middle.where(~is_wrong, right), middle.where(is_wrong, wrong)
        return (self.x + offset * per_sample(wrong * (1 + OUTWARD), offset)).clamp(0, 1)

    def _see(self, points: Tensor, logits: Tensor) -> Tensor:
        """Notes the points that are wrong and nearer than all before; which are wrong, (N,).

        Of points as near as each other the first is kept: the last bits of a distance depend on the batch.
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
        known = self.distances.isfinite()
        grown = torch.where(known, radius, needed.nan_to_num(nan=torch.inf)) * (1 + change)
        shrunk = torch.minimum(radius, self.distances) * (1 - change)
        return torch.minimum(shrunk.where(wrong, grown), self.radius).clamp(min=SMALLEST)

    def _moved(self, points: Tensor, radius: Tensor, step: Tensor) -> Tensor:
        """x + Π_ε(δ + ε · step), in the box; ε is scaled out, since the projections take one for all."""
        eps = per_sample(radius, points)
        inside = self.norm.project((points - self.x) / eps + step, torch.zeros_like(points), 1.0)
        return (self.x + eps * inside).clamp(0, 1)


def _in_the_box(x: Tensor, offset: Tensor) -> Tensor:
    """x + offset, where a coordinate that would leave the box goes the other way, which is no farther from x.

    Cut off instead, most of a wide ball around a point in a corner would lie on the corner's own edges.
    """
    moved = x + offset
    return torch.where((moved < 0) | (moved > 1), x - offset, moved).clamp(0, 1)


def _towards(target: Tensor) -> Loss:
    """z_k − z_y with the class k of each sample, (N,)."""
    return lambda logits, y: (logits.gather(1, target[:, None]) - logits.gather(1, y[:, None])).squeeze(1)


def _usable(gradient: Tensor) -> Tensor:
    """0 for a sample with a gradient that is not finite: a NaN point would be wrong, and no finding."""
    return gradient.where(per_sample(gradient.flatten(1).isfinite().all(dim=1), gradient), 0)


def _cosine(ends: tuple[float, float], part: float) -> float:
    """From the first end to the second along half a cosine; ``part`` of it in [0, 1] is done."""
    return ends[1] + (ends[0] - ends[1]) * (1 + math.cos(math.pi * part)) / 2


@torch.no_grad()
def _is_wrong(model: nn.Module, points: Tensor, y: Tensor) -> Tensor:
    return _wrong(model(points), y)


def _wrong(logits: Tensor, y: Tensor) -> Tensor:
    return (logits.argmax(dim=1) != y) | ~logits.isfinite().all(dim=1)
