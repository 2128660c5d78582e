"""The check that the scores fall continuously towards the boundary with another class."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.samples import Samples
from bregman_exp.robustness.threat import Threat

SEGMENTS = 24
HALVINGS = 20
LEAD_AT = (0.0, 0.25, 0.5, 0.75, 1.0)  # shares of a segment at which the usual lead is measured
JUMP = 0.1  # limit of the lead beside the boundary, over the usual lead
CLIFF = 0.5  # limit of the lead at a distance from the boundary
CLIFF_DISTANCE = 0.1  # over ε
MAX_CLIFF_DISTANCE = 0.01  # over the segment, for a large ε
ALLOWED = 0.1  # the share of segments


@torch.no_grad()
def continuity_checks(samples: Samples, predictions: Tensor, entries: Sequence[Robustness]) -> list[Check]:
    """continuity: the share of segments on which the lead z_(1) − z_(2) jumps where the class changes.

    A segment joins two samples of different predicted classes. Halving finds a change of class to 1e-6 of the
    segment. On both sides of it the lead must have fallen to 10 % of the usual lead (each segment's largest,
    the median over the segments), and to 50 % at a distance of ε/10 (at most 1 % of the segment). Otherwise
    an attack within ε does not see the boundary before it has crossed it. Skipped if only one class is
    predicted.
    """
    by_threat: dict[Threat, list[str]] = {}
    for entry in entries:
        by_threat.setdefault(entry.spec.threat, []).append(entry.id)
    first, second = _pairs(predictions)
    if len(first) == 0:
        return [Check.skipped("continuity", tuple(ids)) for ids in by_threat.values()]
    segments = _Segments(samples, samples.batch(first)[0], samples.batch(second)[0])
    low, high = segments.boundary(predictions[first])
    usual = segments.usual_lead()
    jumps = segments.leads_by_more(JUMP * usual, low, high)
    checks = []
    for threat, ids in by_threat.items():
        away = (CLIFF_DISTANCE * threat.eps / segments.length(threat.norm)).clamp(max=MAX_CLIFF_DISTANCE)
        cliffs = segments.leads_by_more(CLIFF * usual, (low - away).clamp(min=0), (high + away).clamp(max=1))
        share = float((jumps | cliffs).double().mean())
        checks.append(Check.at_most("continuity", tuple(ids), share, share_limit(ALLOWED, len(first))))
    return checks


class _Segments:
    """m segments from ``a`` to ``b``, both (m, …); their points are given by the share (m,) of the way."""

    def __init__(self, samples: Samples, a: Tensor, b: Tensor):
        self.model, self.a, self.b = samples.model, a, b

    def boundary(self, own: Tensor) -> tuple[Tensor, Tensor]:
        """Two shares close together: at the first the class is ``own``, that of a, at the second another."""
        low = self.a.new_zeros(len(self.a), dtype=torch.float64)
        high = torch.ones_like(low)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            same = self._logits(middle).argmax(dim=1) == own.to(low.device)
            low, high = torch.where(same, middle, low), torch.where(same, high, middle)
        return low, high

    def usual_lead(self) -> Tensor:
        leads = [self.lead(torch.full((len(self.a),), share)) for share in LEAD_AT]
        return torch.stack(leads).amax(dim=0).median()

    def leads_by_more(self, lead: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Whether the lead at either point of each segment exceeds ``lead``; a NaN counts as more."""
        return ~((self.lead(low) <= lead) & (self.lead(high) <= lead))

    def lead(self, share: Tensor) -> Tensor:
        largest = self._logits(share).topk(2, dim=1).values
        return largest[:, 0] - largest[:, 1]

    def length(self, norm: str) -> Tensor:
        order = torch.inf if norm == "linf" else 2
        return (self.b - self.a).flatten(1).double().norm(p=order, dim=1)

    def _logits(self, share: Tensor) -> Tensor:
        weight = share.to(self.a).view((-1,) + (1,) * (self.a.dim() - 1))
        return self.model(self.a + weight * (self.b - self.a))


def _pairs(predictions: Tensor) -> tuple[Tensor, Tensor]:
    """A fixed choice of pairs of samples with different predicted classes, (m,) each."""
    random = generator(0, "segments")
    pairs = []
    for index in torch.randperm(len(predictions), generator=random)[:SEGMENTS]:
        others = (predictions != predictions[index]).nonzero().flatten()
        if len(others):
            pairs.append((int(index), int(others[torch.randint(len(others), (), generator=random)])))
    first, second = torch.tensor(pairs, dtype=torch.int64).view(-1, 2).unbind(dim=1)
    return first, second
