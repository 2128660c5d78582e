"""The check of whether scores say how far another class is."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.samples import Samples
from bregman_exp.robustness.threat import Threat

SEGMENTS = 24
HALVINGS = 20
# Of each segment, for the usual lead: a sample may lie near a boundary.
LOOKED_AT = (0.0, 0.25, 0.5, 0.75, 1.0)
JUMP = 0.1  # the lead on both sides of the last halving, 1e-6 of the segment apart, over the usual one
CLIFF = 0.5  # the same, a little away from the boundary
AWAY = 0.1  # so far, over ε
AWAY_AT_MOST = 0.01  # and over the segment, where ε is large
ALLOWED = 0.1  # the share of segments


@torch.no_grad()
def continuity_checks(samples: Samples, predictions: Tensor, entries: Sequence[Robustness]) -> list[Check]:
    """continuity: the share of segments between two samples of different predicted classes on which the lead
    z_(1) − z_(2) of the winning class jumps where the class changes.

    A segment is halved towards a change of class. On both sides of it the lead must have fallen to 10 % of
    the usual one, the median over the segments of each one's largest; and at a distance of ε/10 (at most 1 %
    of the segment) to 50 %, or an attack from within ε sees the boundary no earlier than it has crossed it.
    Skipped where one class alone is predicted.
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
        away = (AWAY * threat.eps / segments.length(threat.norm)).clamp(max=AWAY_AT_MOST)
        cliffs = segments.leads_by_more(CLIFF * usual, (low - away).clamp(min=0), (high + away).clamp(max=1))
        share = float((jumps | cliffs).double().mean())
        checks.append(Check.at_most("continuity", tuple(ids), share, share_limit(ALLOWED, len(first))))
    return checks


class _Segments:
    """m segments from ``a`` to ``b``, both (m, …); a point of each is named by its share (m,) of the way."""

    def __init__(self, samples: Samples, a: Tensor, b: Tensor):
        self.model, self.a, self.b = samples.model, a, b

    def boundary(self, own: Tensor) -> tuple[Tensor, Tensor]:
        """The last share where the class is ``own``, a's, and the next where it is another one."""
        low = self.a.new_zeros(len(self.a), dtype=torch.float64)
        high = torch.ones_like(low)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            same = self._logits(middle).argmax(dim=1) == own.to(low.device)
            low, high = torch.where(same, middle, low), torch.where(same, high, middle)
        return low, high

    def usual_lead(self) -> Tensor:
        leads = [self.lead(torch.full((len(self.a),), share)) for share in LOOKED_AT]
        return torch.stack(leads).amax(dim=0).median()

    def leads_by_more(self, lead: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Whether one of the two points of each segment has not so small a lead; a NaN has not."""
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
    """Pairs of samples of different predicted classes, (m,) each, always the same."""
    random = generator(0, "segments")
    pairs = []
    for place in torch.randperm(len(predictions), generator=random)[:SEGMENTS]:
        others = (predictions != predictions[place]).nonzero().flatten()
        if len(others):
            pairs.append((int(place), int(others[torch.randint(len(others), (), generator=random)])))
    first, second = torch.tensor(pairs, dtype=torch.int64).view(-1, 2).unbind(dim=1)
    return first, second
