"""Ground truth for points of few coordinates: the whole threat is searched, cell by cell."""

from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import Attack
from bregman_exp.robustness.found import Found
from bregman_exp.robustness.isolation import evaluating
from bregman_exp.robustness.threat import TOLERANCE, Threat
from bregman_exp.robustness.victim import Victim

MAX_DIMENSIONS = 3
HALVINGS = 14  # the finest cell is this often halved: its half-width is ε · 2⁻¹⁴
MAX_CELLS = 2**15  # open cells of one sample at one size; with more it is undecided
FEW_CELLS = 2**9  # the same for a sample without hope of proof, which only a wrong point can still decide
MARGIN = 1e-4  # a proof needs this lead, in units of 1 + the largest |logit|: what float32 may change
CHUNK = 2**14  # cells at a time
SPACING = 2.0**-24  # half the distance of float32 numbers below 1


@runtime_checkable
class Bounded(Protocol):
    """A model that bounds its logits over boxes of inputs."""

    def interval(self, lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
        """lo, hi (M, d), float64 -> lower, upper (M, K): lower ≤ logits(x) ≤ upper for lo ≤ x ≤ hi."""
        ...


@dataclass(frozen=True)
class Exact(Attack):
    """A wrong point of the threat, or the proof that there is none, for each sample: branch and bound.

    The ball's box is halved along every axis, level by level, all samples at once. A cell is dropped where
    the model's own bounds give y the lead over all other classes, or where it lies outside the ball; a cell
    whose centre (moved into ball and box) is wrong ends its sample, and the point is returned. Cells left
    after 14 halvings, at a half-width of ε · 2⁻¹⁴, make it undecided, and so do more than 2¹⁵ of one sample
    at once (2⁹ where one of its points is known to lack the lead that a proof needs): then x itself is
    returned and ``proven`` is False.

    What is proven: no point that the harness would accept (it allows 1e-6 beyond ball and box) is wrong, as
    float32 evaluates it. The bounds are of exact arithmetic in float64; a lead counts only if it exceeds
    1e-4 · (1 + largest |logit|), and only if the float32 logits at the centre keep within half of that of
    their bounds: rounding is allowed for by this measured margin and not itself proven. A sample whose lead
    is smaller somewhere in the ball is undecided.

    Inputs are x (N, d) with d ≤ 3. Raises ValueError for other shapes and for a model without ``interval``.
    Source: branch and bound with interval bounds, e.g. Wang et al., "Formal security analysis of neural
    networks using symbolic intervals", 2018.
    """

    name, strength = "exact", 5
    proves = True
    can_be_member = False

    def rehearse(self, threat: Threat, model: nn.Module, shape: torch.Size, classes: int) -> None:
        """Shows it the model with ε = 0."""
        x = torch.rand((1, *shape), generator=generator(0, "rehearsal"))
        with evaluating(model) as used:
            x = x.to(next(used.parameters(), x))
            zero = torch.zeros(1, dtype=torch.int64)
            self.find(Victim(used), x, zero.to(x.device), zero, Threat(threat.norm, 0.0))

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Found:
        model = victim.model
        if x.dim() != 2 or x.shape[1] > MAX_DIMENSIONS:
            raise ValueError(
                f"attack=exact searches points (N, d) with d ≤ {MAX_DIMENSIONS}; these have shape "
                f"{tuple(x.shape[1:])}."
            )
        if not isinstance(model, Bounded):
            name = model._get_name()  # pyright: ignore[reportPrivateUsage] (a noted model has its model's)
            raise ValueError(
                f"attack=exact needs a model with interval(lo, hi), bounds of its logits over boxes; "
                f"{name} has none (the MLPs have)."
            )
        search = _Search(model, x, y, threat)
        cells = search.unproven(_around(x, threat.eps + TOLERANCE))
        for _ in range(HALVINGS):
            if len(cells.owner) == 0:
                break
            cells = search.unproven(cells.halved())
        search.open[cells.owner] = False
        return Found(search.points, proven=search.open)


@dataclass(frozen=True)
class _Cells:
    """Boxes lo … hi (M, d), in float64, each of one sample: owner (M,)."""

    lo: Tensor
    hi: Tensor
    owner: Tensor

    def where(self, kept: Tensor) -> "_Cells":
        return _Cells(self.lo[kept], self.hi[kept], self.owner[kept])

    def halved(self) -> "_Cells":
        """Every cell cut in two along each axis: 2^d cells for one."""
        lo, hi, owner = self.lo, self.hi, self.owner
        for axis in range(lo.shape[1]):
            middle = (lo[:, axis] + hi[:, axis]) / 2
            lower_hi, upper_lo = hi.clone(), lo.clone()
            lower_hi[:, axis] = upper_lo[:, axis] = middle
            lo, hi, owner = torch.cat([lo, upper_lo]), torch.cat([lower_hi, hi]), owner.repeat(2)
        return _Cells(lo, hi, owner)


def _around(x: Tensor, radius: float) -> _Cells:
    """The box of each sample's ball within the box [0, 1], as the harness sees it, to its tolerance."""
    at = x.double()
    lo, hi = (at - radius).clamp(min=-TOLERANCE), (at + radius).clamp(max=1 + TOLERANCE)
    return _Cells(lo, hi, torch.arange(len(x), device=x.device))


class _Search:
    """The samples with what is known of them: the wrong point, and whether a proof is still possible."""

    def __init__(self, model: nn.Module, x: Tensor, y: Tensor, threat: Threat):
        self.model, self.x, self.y, self.threat = model, x, y, threat
        self.points = x.clone()
        self.open = torch.ones(len(x), dtype=torch.bool, device=x.device)
        self.most = torch.full((len(x),), MAX_CELLS, device=x.device)

    @torch.no_grad()
    def unproven(self, cells: _Cells) -> _Cells:
        """The cells of this size that must be halved; wrong centres are noted and end their samples."""
        cells = cells.where(self._reaches_the_ball(cells))
        self.open &= torch.bincount(cells.owner, minlength=len(self.x)) <= self.most
        cells = cells.where(self.open[cells.owner])
        centres = ((cells.lo + cells.hi) / 2).to(self.x)
        centres = self.threat.project(centres, self.x[cells.owner])
        logits = torch.cat([self.model(part) for part in centres.split(CHUNK)])
        self._note_wrong(cells.owner, centres, logits)
        left = self.open[cells.owner]
        cells, centres, logits = cells.where(left), centres[left], logits[left]
        parts = torch.arange(len(left.nonzero()), device=left.device).split(CHUNK)
        proven = torch.cat([self._proven(cells.where(part), centres[part], logits[part]) for part in parts])
        return cells.where(~proven)

    def _reaches_the_ball(self, cells: _Cells) -> Tensor:
        at = self.x[cells.owner].double()
        gap = torch.maximum(cells.lo - at, at - cells.hi).clamp(min=0)  # (M, d)
        return self.threat.norm.size(gap) <= self.threat.eps + TOLERANCE

    def _note_wrong(self, owner: Tensor, centres: Tensor, logits: Tensor) -> None:
        """Each sample's first wrong centre becomes its point."""
        wrong = (logits.argmax(dim=1) != self.y[owner]) | ~logits.isfinite().all(dim=1)
        place = wrong.nonzero().flatten()
        none = len(owner)
        first = torch.full_like(self.y, none).scatter_reduce(0, owner[place], place, "amin")  # (N,)
        hit = first < none
        self.points[hit] = centres[first[hit]]
        self.open &= ~hit

    def _proven(self, cells: _Cells, centres: Tensor, logits: Tensor) -> Tensor:
        """Whether y leads in the whole cell, (M,), by more than the margin."""
        # a little wider, so that a centre inside is still inside after its rounding to float32
        lo, hi = cells.lo - SPACING, cells.hi + SPACING
        lower, upper = cast(Bounded, self.model).interval(lo, hi)
        margin = MARGIN * (1 + torch.maximum(lower.abs(), upper.abs()).amax(dim=1))  # (M,)
        own = self.y[cells.owner][:, None]
        others = upper.scatter(1, own, -torch.inf).amax(dim=1)
        leads = lower.gather(1, own).squeeze(1) - others > margin  # never where a bound is not finite
        best = upper.gather(1, own).squeeze(1) - lower.scatter(1, own, -torch.inf).amax(dim=1)
        inside = ((centres >= lo) & (centres <= hi)).all(dim=1)  # not every centre in a corner of the ℓ2 ball
        agrees = torch.maximum(lower - logits, logits - upper).amax(dim=1) <= margin / 2
        # the centre lies in the threat and in the cell, and in every smaller cell around it
        self.most[cells.owner[inside & ((best <= margin) | ~agrees)]] = FEW_CELLS
        return leads & (agrees | ~inside)
