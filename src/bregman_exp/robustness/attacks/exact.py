"""Ground truth for samples of few dimensions: the whole threat is searched, cell by cell."""

from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import Attack
from bregman_exp.robustness.attack_result import AttackResult
from bregman_exp.robustness.isolation import evaluating
from bregman_exp.robustness.threat import TOLERANCE, Threat
from bregman_exp.robustness.victim import Victim

MAX_DIMENSIONS = 3
HALVINGS = 14  # the half-width of the finest cell is ε · 2⁻¹⁴
MAX_CELLS = 2**15  # open cells of a sample at a time; with more it is undecided
FEW_CELLS = 2**9  # the same for a sample that cannot be proven any more, but may have a wrong point
MARGIN = 1e-4  # the lead that a proof needs, over 1 + the largest |logit|: more than float32 may change
CHUNK = 2**14  # cells in a batch
SPACING = 2.0**-24  # half the distance of float32 numbers below 1


@runtime_checkable
class Bounded(Protocol):
    """A model that bounds its logits over boxes of inputs."""

    def interval(self, lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
        """lo, hi (M, d), float64 -> lower, upper (M, K): lower ≤ logits(x) ≤ upper for lo ≤ x ≤ hi."""
        ...


@dataclass(frozen=True)
class Exact(Attack):
    """For each sample a wrong point of the threat, or the proof that there is none: branch and bound.

    The box around the ball is halved along every axis, level by level, for all samples at once. A cell is
    dropped if the model's bounds give y the lead in all of it, or if it is outside the ball. If the centre of
    a cell (projected onto ball and box) is wrong, it is returned, and its sample is done. A sample is
    undecided if cells are left after 14 halvings, at a half-width of ε · 2⁻¹⁴, or if it has more than 2¹⁵
    cells at a time (2⁹ if a point is known to lack the lead that a proof needs). Then x is returned, and
    ``proven`` is False.

    The proof says that no point which the harness accepts (to 1e-6 outside ball and box) is wrong when
    evaluated in float32. The bounds hold for exact arithmetic. Rounding is covered by a measured margin, and
    not proven: a lead counts only if it exceeds m = 1e-4 · (1 + largest |logit|), and if the float32 logits
    at the centre are within m/2 of their bounds. A sample whose lead is smaller somewhere in the ball is
    undecided.

    Shapes: x (N, d) with d ≤ 3. Raises ValueError for other shapes and for a model without ``interval``.
    Source: branch and bound with interval bounds, e.g. Wang et al., "Formal security analysis of neural
    networks using symbolic intervals", 2018.
    """

    name, strength = "exact", 5
    proves = True
    can_be_member = False

    def rehearse(self, threat: Threat, model: nn.Module, shape: torch.Size, classes: int) -> None:
        """Runs the attack on the model with ε = 0."""
        x = torch.rand((1, *shape), generator=generator(0, "rehearsal"))
        with evaluating(model) as used:
            x = x.to(next(used.parameters(), x))
            zero = torch.zeros(1, dtype=torch.int64)
            self.find(Victim(used), x, zero.to(x.device), zero, Threat(threat.norm, 0.0))

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> AttackResult:
        model = victim.model
        if x.dim() != 2 or x.shape[1] > MAX_DIMENSIONS:
            raise ValueError(
                f"attack=exact needs samples of at most {MAX_DIMENSIONS} dimensions, not of shape "
                f"{tuple(x.shape[1:])}; use attack=suite."
            )
        if not isinstance(model, Bounded):
            name = model._get_name()  # pyright: ignore[reportPrivateUsage] (Recorded returns its model's name)
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
        return AttackResult(search.points, proven=search.open)


@dataclass(frozen=True)
class _Cells:
    """Boxes lo … hi (M, d), in float64; ``owner`` (M,) is the index of their sample."""

    lo: Tensor
    hi: Tensor
    owner: Tensor

    def where(self, kept: Tensor) -> "_Cells":
        return _Cells(self.lo[kept], self.hi[kept], self.owner[kept])

    def halved(self) -> "_Cells":
        """Every cell halved along each axis, into 2^d cells."""
        lo, hi, owner = self.lo, self.hi, self.owner
        for axis in range(lo.shape[1]):
            middle = (lo[:, axis] + hi[:, axis]) / 2
            lower_hi, upper_lo = hi.clone(), lo.clone()
            lower_hi[:, axis] = upper_lo[:, axis] = middle
            lo, hi, owner = torch.cat([lo, upper_lo]), torch.cat([lower_hi, hi]), owner.repeat(2)
        return _Cells(lo, hi, owner)


def _around(x: Tensor, radius: float) -> _Cells:
    """The box around each sample's ball, intersected with [0, 1] to the tolerance of the harness."""
    centre = x.double()
    lo, hi = (centre - radius).clamp(min=-TOLERANCE), (centre + radius).clamp(max=1 + TOLERANCE)
    return _Cells(lo, hi, torch.arange(len(x), device=x.device))


class _Search:
    """For each sample its wrong point, if one was found, and whether the search is still open."""

    def __init__(self, model: nn.Module, x: Tensor, y: Tensor, threat: Threat):
        self.model, self.x, self.y, self.threat = model, x, y, threat
        self.points = x.clone()
        self.open = torch.ones(len(x), dtype=torch.bool, device=x.device)
        self.max_cells = torch.full((len(x),), MAX_CELLS, device=x.device)

    @torch.no_grad()
    def unproven(self, cells: _Cells) -> _Cells:
        """The cells that must be halved further; a wrong centre is stored and ends its sample."""
        cells = cells.where(self._reaches_the_ball(cells))
        self.open &= torch.bincount(cells.owner, minlength=len(self.x)) <= self.max_cells
        cells = cells.where(self.open[cells.owner])
        centres = ((cells.lo + cells.hi) / 2).to(self.x)
        centres = self.threat.project(centres, self.x[cells.owner])
        logits = torch.cat([self.model(part) for part in centres.split(CHUNK)])
        self._store_wrong(cells.owner, centres, logits)
        left = self.open[cells.owner]
        cells, centres, logits = cells.where(left), centres[left], logits[left]
        parts = torch.arange(len(left.nonzero()), device=left.device).split(CHUNK)
        proven = torch.cat([self._proven(cells.where(part), centres[part], logits[part]) for part in parts])
        return cells.where(~proven)

    def _reaches_the_ball(self, cells: _Cells) -> Tensor:
        x = self.x[cells.owner].double()
        gap = torch.maximum(cells.lo - x, x - cells.hi).clamp(min=0)  # (M, d)
        return self.threat.norm.size(gap) <= self.threat.eps + TOLERANCE

    def _store_wrong(self, owner: Tensor, centres: Tensor, logits: Tensor) -> None:
        """The first wrong centre of each sample becomes its point."""
        wrong = (logits.argmax(dim=1) != self.y[owner]) | ~logits.isfinite().all(dim=1)
        index = wrong.nonzero().flatten()
        none = len(owner)
        first = torch.full_like(self.y, none).scatter_reduce(0, owner[index], index, "amin")  # (N,)
        hit = first < none
        self.points[hit] = centres[first[hit]]
        self.open &= ~hit

    def _proven(self, cells: _Cells, centres: Tensor, logits: Tensor) -> Tensor:
        """Whether y leads in the whole cell, (M,), by more than the margin."""
        # slightly wider, so that a centre is still inside after rounding to float32
        lo, hi = cells.lo - SPACING, cells.hi + SPACING
        lower, upper = cast(Bounded, self.model).interval(lo, hi)
        margin = MARGIN * (1 + torch.maximum(lower.abs(), upper.abs()).amax(dim=1))  # (M,)
        own = self.y[cells.owner][:, None]
        others = upper.scatter(1, own, -torch.inf).amax(dim=1)
        leads = lower.gather(1, own).squeeze(1) - others > margin  # False if a bound is not finite
        best = upper.gather(1, own).squeeze(1) - lower.scatter(1, own, -torch.inf).amax(dim=1)
        inside = ((centres >= lo) & (centres <= hi)).all(
            dim=1
        )  # projection may move a centre out of its cell
        agrees = torch.maximum(lower - logits, logits - upper).amax(dim=1) <= margin / 2
        # Such a centre is in the threat, so no smaller cell around it can be proven.
        self.max_cells[cells.owner[inside & ((best <= margin) | ~agrees)]] = FEW_CELLS
        return leads & (agrees | ~inside)
