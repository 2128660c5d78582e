"""A search that sees predicted classes alone: no scores, no gradients."""

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
NORMAL = 60  # queries for the first estimate of the normal; the later ones have √round times as many
TURNS = (0.1, 0.3, 1.0, 3.0, torch.inf)  # towards the normal's direction, over the length of the present one
NEARER = 0.98  # a new direction counts where it is wrong so much nearer
COARSE = 8  # pixels: every other round feels for the normal with so coarse images
AT_ONCE = 2000  # rows
MOST_VALUES = 2**24  # of the points looked at together, where a single sample has no more

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
    """A wrong point within ε, found from predicted classes, or x.

    A sample has a direction u of unit length and the radius r at which x + r u becomes wrong; the first are
    those of the nearest wrong point on the way to another sample or to a random point of the box. Each round
    feels for the normal g of the boundary there: g = Σ (φ_i − mean φ) v_i over random v_i, where φ_i says
    whether x + r u + δ v_i is wrong. Then u turns towards the dual direction of g, sign g or g / ‖g‖, by the
    one of several angles that brings the boundary nearest. A sample leaves at its first wrong point within ε.
    Points are clamped to the box. ``random`` is of the CPU.

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
        spent += search.turn(int(NORMAL * (1 + step) ** 0.5), coarse=step % 2 == 0)
        step += 1
    near = search.radius <= threat.eps
    points[near] = search.at(search.radius)[near]
    return points


class _Search:
    """For every sample (N,) its direction (N, …) and radius (N,), infinite where nothing wrong is known."""

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
        """The first directions; how many queries a sample took."""
        others = torch.randperm(len(self.x), generator=self.random)[:STARTS]
        noise = torch.rand((STARTS, *self.x.shape[1:]), generator=self.random).to(self.x)
        for target in (*self.x[others.to(self.x.device)], *noise):
            change = target - self.x
            size = self.threat.norm.size(change)
            unit = change / per_sample(size, self.x).clamp(min=1e-12)
            self._take(unit, torch.minimum(size, self.radius))
        return 2 * STARTS * (1 + HALVINGS)

    def turn(self, feelers: int, *, coarse: bool) -> int:
        """One round for the samples that are still searching; how many queries a sample took."""
        rows = self.is_searching.nonzero().flatten()
        part = _Search(self.model, self.x[rows], self.y[rows], self.threat, self.random)
        part.direction, part.radius = self.direction[rows], self.radius[rows]
        dual = self.threat.ascent(part.normal(feelers, coarse=coarse))
        for turn in TURNS:
            towards = dual if turn == torch.inf else part.direction + turn * dual
            if self.threat.norm is Norm.LINF:
                towards = towards.clamp(-1, 1)
            unit = towards / per_sample(self.threat.norm.size(towards), towards).clamp(min=1e-12)
            part._take(unit, NEARER * part.radius)
        self.direction[rows], self.radius[rows] = part.direction, part.radius
        return feelers + len(TURNS) * (2 + HALVINGS)

    def normal(self, feelers: int, *, coarse: bool) -> Tensor:
        """The estimated direction into the wrong class at the boundary point, (n, …)."""
        boundary = self.at(self.radius)
        reach = (boundary - self.x).flatten(1).norm(dim=1) * min(0.1, self.x[0].numel() ** -0.5)
        shares = [
            self._normal_at(boundary[rows], per_sample(reach[rows], self.x), self.y[rows], feelers, coarse)
            for rows in self._shares(feelers)
        ]
        return torch.cat(shares)

    def _normal_at(self, boundary: Tensor, reach: Tensor, y: Tensor, feelers: int, coarse: bool) -> Tensor:
        drawn = self._drawn(len(y), feelers, coarse)
        drawn = drawn / drawn.flatten(2).norm(dim=2).view(*drawn.shape[:2], *(1,) * (self.x.dim() - 1))
        points = (boundary[:, None] + reach[:, None] * drawn).clamp(0, 1)
        is_wrong = self._wrong(points, y).to(self.x)
        weight = is_wrong - is_wrong.mean(dim=1, keepdim=True)
        weight = torch.where(weight.abs().amax(dim=1, keepdim=True) > 0, weight, 2 * is_wrong - 1)
        return torch.einsum("nq,nq...->n...", weight, drawn)

    def _shares(self, points: int) -> list[slice]:
        """The samples in turn, so many at a time as may be looked at with so many points each."""
        rows = max(1, MOST_VALUES // (points * self.x[0].numel()))
        return [slice(first, first + rows) for first in range(0, len(self.x), rows)]

    def _drawn(self, n: int, feelers: int, coarse: bool) -> Tensor:
        """Normal deviates (n, q, …); coarse ones are images of few pixels, enlarged."""
        shape = self.x.shape[1:]
        if coarse and len(shape) == 3 and min(shape[1:]) > COARSE:
            small = torch.randn((n * feelers, shape[0], COARSE, COARSE), generator=self.random).to(self.x)
            return F.interpolate(small, size=shape[1:], mode="bilinear").view(n, feelers, *shape)
        return torch.randn((n, feelers, *shape), generator=self.random).to(self.x)

    def _take(self, unit: Tensor, within: Tensor) -> None:
        """Goes along ``unit`` (n, …) where that is wrong within the given radius (n,), or at ε itself: to the
        boundary on the way there."""
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
        shares = [
            self._wrong((self.x[rows, None] + radii[rows] * unit[rows, None]).clamp(0, 1), self.y[rows])
            for rows in self._shares(radii.shape[1])
        ]
        return torch.cat(shares)

    def _wrong(self, points: Tensor, y: Tensor) -> Tensor:
        """Whether the model says another class, or none, at points (n, q, …)."""
        logits = torch.cat([self.model(part) for part in points.flatten(0, 1).split(AT_ONCE)])
        labels = y.repeat_interleave(points.shape[1])
        wrong = (logits.argmax(dim=1) != labels) | ~logits.isfinite().all(dim=1)
        return wrong.view(points.shape[:2])
