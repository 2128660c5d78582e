"""The result of an attack: adversarial points, with distances, proofs and counts if it has them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bregman_exp.robustness.threat import per_sample

Counts = dict[str, dict[str, int]]  # what is counted -> name of an attack -> number of samples


@dataclass(frozen=True)
class AttackResult:
    """``points`` like x, not yet verified.

    ``counts``: for metrics.json. ``proven`` (N,) bool: whether no point of the threat is wrong; a survivor
    that is not proven is undecided; None for an attack without proofs. ``losses`` (N, 3): the highest loss
    at the start, after nine tenths of the steps, and at the end. ``distances`` (N,) of the points from x, for
    an attack that looks for the nearest wrong point.
    """

    points: Tensor
    counts: Counts = field(default_factory=dict)
    proven: Tensor | None = None
    losses: Tensor | None = None
    distances: Tensor | None = None

    @classmethod
    def of(cls, result: "Tensor | AttackResult") -> "AttackResult":
        """The result of an attack's ``find``, which may return only points."""
        return result if isinstance(result, AttackResult) else cls(result)

    def within(self, x: Tensor, eps: float) -> Tensor:
        """The points, with x in place of those that are farther than ε, if the distances are known."""
        points = self.points.detach()
        if self.distances is None:
            return points
        return torch.where(per_sample(self.distances.to(x.device) <= eps, x), points, x)


def sum_counts(parts: Iterable[Counts]) -> Counts:
    """The sum of several batches' counts, e.g. {"shares": {"apgd-ce": 3}}, in the order of the first."""
    total: Counts = {}
    for part in parts:
        for what, by_name in part.items():
            sums = total.setdefault(what, {})
            for name, count in by_name.items():
                sums[name] = sums.get(name, 0) + count
    return total
