"""What an attack comes back with: its points, and what it has to say of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bregman_exp.robustness.threat import per_sample

Counts = dict[str, dict[str, int]]  # what is counted -> by whom -> how many samples


@dataclass(frozen=True)
class Found:
    """``points`` like x, not yet verified.

    ``counts``: what the attack counted, for metrics.json. ``proven`` (N,) bool: no point of the threat is
    wrong; None where the attack proves nothing. Where it proves, a survivor that is not proven is undecided.
    ``losses`` (N, 3): the highest loss at the start, after nine tenths of the steps, and at the end.
    ``distances`` (N,): how far the points are, for an attack that looks for the nearest wrong one.
    """

    points: Tensor
    counts: Counts = field(default_factory=dict)
    proven: Tensor | None = None
    losses: Tensor | None = None
    distances: Tensor | None = None

    @classmethod
    def of(cls, result: "Tensor | Found") -> "Found":
        """What an attack's ``find`` gives, which may be points alone."""
        return result if isinstance(result, Found) else cls(result)

    def within(self, x: Tensor, eps: float) -> Tensor:
        """The points; where their distances are known x in the place of those beyond ε."""
        points = self.points.detach()
        if self.distances is None:
            return points
        return torch.where(per_sample(self.distances.to(x.device) <= eps, x), points, x)


def added(parts: Iterable[Counts]) -> Counts:
    """The counts of several batches together, e.g. {"shares": {"apgd-ce": 3}}; the order is the first's."""
    total: Counts = {}
    for part in parts:
        for what, by_name in part.items():
            kept = total.setdefault(what, {})
            for name, count in by_name.items():
                kept[name] = kept.get(name, 0) + count
    return total
