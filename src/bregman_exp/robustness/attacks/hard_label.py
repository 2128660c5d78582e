"""A search that uses only predicted classes: no scores, no gradients."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import Attack
from bregman_exp.robustness.threat import Norm, Threat, per_sample
from bregman_exp.robustness.victim import Victim

QUERIES = 500  # a sample
STARTS = 6  # other samples of the batch, and as many random points
HALVINGS = 8
NORMAL_QUERIES = 60  # for the first estimate of the normal; round r uses √r times as many
TURNS = (0.1, 0.3, 1.0, 3.0, torch.inf)  # weights of the dual direction, relative to the current direction
NEARER = 0.98  # a new direction must be wrong within this part of the radius
COARSE = 8  # pixels: every other round estimates the normal with images of this resolution
BATCH = 2000  # rows
MAX_VALUES = 2**24  # of the points of a batch, unless a single sample has more

Wrong = Callable[[Tensor], Tensor]  # points (n, q, …) of n samples -> whether each is wrong (n, q)


@dataclass(frozen=True)
class HardLabel(Attack):
    """``hard_label`` with 500 queries a sample."""

    name = "hard_label"
    draws_by_batch = True

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor:
        random = generator(victim.seed, "hard-label", int(ids[0]))
        return hard_label(victim.model, x, y, threat, random=random)


@torch.no_grad()
def hard_label(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    threat: Threat,
    *,
    queries: int = QUERIES,
    random: torch.Generator,
) -> Tensor:
    """A wrong point within ε, or x; it uses only predicted classes.

    Each sample has a unit direction u and the radius r at which x + r u becomes wrong. At the start they are
    those of the nearest wrong point on segments to other samples and to random points of the box. Each round
    estimates the normal g of the boundary at x + r u: g = Σ (φ_i − mean φ) v_i over random v_i, where φ_i
    says whether x + r u + δ v_i is wrong. Then u turns towards the dual direction of g, sign g or g / ‖g‖, by
    the angle that brings the boundary nearest. A sample is done at its first wrong point within ε. Points
    are clamped to the box. ``random`` is a CPU generator.

    Shapes: x (N, …) in [0, 1], y (N,) -> points like x. Source: the normal by Monte Carlo and the halving are
    HopSkipJump's (Chen, Jordan & Wainwright, 2020), the search over directions and radii Sign-OPT's (Cheng et
    al., 2020); the turns are ours.
    """
    points = x.clone()
    if len(x) == 0 or threat.eps == 0:
        return points
    search = _Search(model, x, y, threat, random)
    spent, step = search.begin(), 0
    while spent < queries and search.is_searching.any():
        spent += search.turn(int(NORMAL_QUERIES * (1 + step) ** 0.5), coarse=step % 2 == 0)
        step += 1
    near = search.radius <= threat.eps
    points[near] = search.at(search.radius)[near]
    return points


class _Search:
    """For every sample its direction (N, …) and radius (N,), infinite if no wrong point is known."""

    def __init__(self, model: nn.Module, x: Tensor, y: Tensor, threat: Threat, random: torch.Generator):
        self.model, self.x, self.y, self.threat, self.random = model, x, y, threat, random
        self.direction = torch.zeros_like(x)
        self.radius = x.new_full((len(x),), torch.inf)

    @property
    def is_searching(self) -> Tensor:
        return (self.radius > self.threat.eps) & self.radius.isfinite()

    def at(self, radius: Tensor) -> Tensor:
        return (self.x + per_sample(radius, self.x) * self.direction).clamp(0, 1)

    def begin(self) -> int:
        """Finds the first directions; returns the queries per sample."""
        others = torch.randperm(len(self.x), generator=self.random)[:STARTS]
        noise = torch.rand((STARTS, *self.x.shape[1:]), generator=self.random).to(self.x)
        for target in (*self.x[others.to(self.x.device)], *noise):
            change = target - self.x
            size = self.threat.norm.size(change)
            unit = change / per_sample(size, self.x).clamp(min=1e-12)
            self._take(unit, torch.minimum(size, self.radius))
        return 2 * STARTS * (1 + HALVINGS)

    def turn(self, queries: int, *, coarse: bool) -> int:
        """A round for the samples that are still searching; returns the queries per sample."""
        rows = self.is_searching.nonzero().flatten()
        part = _Search(self.model, self.x[rows], self.y[rows], self.threat, self.random)
        part.direction, part.radius = self.direction[rows], self.radius[rows]
        dual = self.threat.ascent(part.normal(queries, coarse=coarse))
        for turn in TURNS:
            towards = dual if turn == torch.inf else part.direction + turn * dual
            if self.threat.norm is Norm.LINF:
                towards = towards.clamp(-1, 1)
            unit = towards / per_sample(self.threat.norm.size(towards), towards).clamp(min=1e-12)
            part._take(unit, NEARER * part.radius)
        self.direction[rows], self.radius[rows] = part.direction, part.radius
        return queries + len(TURNS) * (2 + HALVINGS)

    def normal(self, queries: int, *, coarse: bool) -> Tensor:
        """The estimated direction into the wrong class at the boundary point, (n, …)."""
        boundary = self.at(self.radius)
        reach = (boundary - self.x).flatten(1).norm(dim=1) * min(0.1, self.x[0].numel() ** -0.5)
        normals = [
            self._normal_at(boundary[rows], per_sample(reach[rows], self.x), self.y[rows], queries, coarse)
            for rows in self._slices(queries)
        ]
        return torch.cat(normals)

    def _normal_at(self, boundary: Tensor, reach: Tensor, y: Tensor, queries: int, coarse: bool) -> Tensor:
        v = self._random_directions(len(y), queries, coarse)
        v = v / v.flatten(2).norm(dim=2).view(*v.shape[:2], *(1,) * (self.x.dim() - 1))
        points = (boundary[:, None] + reach[:, None] * v).clamp(0, 1)
        is_wrong = self._wrong(points, y).to(self.x)
        weight = is_wrong - is_wrong.mean(dim=1, keepdim=True)
        weight = torch.where(weight.abs().amax(dim=1, keepdim=True) > 0, weight, 2 * is_wrong - 1)
        return torch.einsum("nq,nq...->n...", weight, v)

    def _slices(self, points: int) -> list[slice]:
        """The samples in slices; with this number of points each, a slice has at most MAX_VALUES values."""
        rows = max(1, MAX_VALUES // (points * self.x[0].numel()))
        return [slice(first, first + rows) for first in range(0, len(self.x), rows)]

    def _random_directions(self, n: int, queries: int, coarse: bool) -> Tensor:
        """Normal deviates (n, q, …); if ``coarse``, enlarged images of low resolution."""
        shape = self.x.shape[1:]
        if coarse and len(shape) == 3 and min(shape[1:]) > COARSE:
            small = torch.randn((n * queries, shape[0], COARSE, COARSE), generator=self.random).to(self.x)
            return F.interpolate(small, size=shape[1:], mode="bilinear").view(n, queries, *shape)
        return torch.randn((n, queries, *shape), generator=self.random).to(self.x)

    def _take(self, unit: Tensor, within: Tensor) -> None:
        """Takes the direction ``unit`` (n, …) for samples where it is better.

        It is better if the point at radius ``within`` (n,) or at ε is wrong, and the boundary before it is
        nearer than the current radius.
        """
        eps = torch.full_like(within, self.threat.eps)
        radii = torch.stack([eps.minimum(within), within], dim=1)
        wrong = self._wrong_along(unit, radii)
        low, high = torch.zeros_like(within), torch.where(wrong[:, 0], radii[:, 0], within)
        better = wrong.any(dim=1) & (high < self.radius)
        for _ in range(HALVINGS if bool((better & (high > self.threat.eps)).any()) else 0):
            middle = (low + high) / 2
            inside = self._wrong_along(unit, middle[:, None])[:, 0]
            low, high = torch.where(inside, low, middle), torch.where(inside, middle, high)
        self.radius = torch.where(better, high, self.radius)
        self.direction = torch.where(per_sample(better, self.x), unit, self.direction)

    def _wrong_along(self, unit: Tensor, radii: Tensor) -> Tensor:
        radii = radii.view(*radii.shape, *(1,) * (self.x.dim() - 1))
        wrong = [
            self._wrong((self.x[rows, None] + radii[rows] * unit[rows, None]).clamp(0, 1), self.y[rows])
            for rows in self._slices(radii.shape[1])
        ]
        return torch.cat(wrong)

    def _wrong(self, points: Tensor, y: Tensor) -> Tensor:
        """Whether the model predicts another class at points (n, q, …), or its logits are not finite."""
        logits = torch.cat([self.model(part) for part in points.flatten(0, 1).split(BATCH)])
        labels = y.repeat_interleave(points.shape[1])
        wrong = (logits.argmax(dim=1) != labels) | ~logits.isfinite().all(dim=1)
        return wrong.view(points.shape[:2])
