"""Checks of the attacks' results, each by itself and against one another."""

from collections.abc import Callable, Sequence
from typing import Any

from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.threat import TOLERANCE

UNDECIDED = 0.005  # the share of samples that a proof may leave undecided
STILL_RISING = 0.01  # the share of samples whose loss may still rise at the end
OUT_OF_ORDER = 0.005  # by how much a weaker attack may find more than a stronger one
RISES = 0.005  # by how much a larger ε may leave more


def own_checks(entry: Robustness) -> list[Check]:
    """attack-ended, points-in-threat; exact-undecided of a proof; loss-still-rising of PGD."""
    ids = (entry.id,)
    checks = [
        Check.at_most("attack-ended", ids, float(entry.error is not None), 0.0),
        Check.at_most("points-in-threat", ids, entry.violation, TOLERANCE),
    ]
    if entry.undecided is not None:
        limit = share_limit(UNDECIDED, entry.n)
        checks.append(Check.at_most("exact-undecided", ids, entry.undecided / entry.n, limit))
    if entry.late is not None:
        share = float(entry.late.sum()) / entry.n
        checks.append(Check.at_most("loss-still-rising", ids, share, share_limit(STILL_RISING, entry.n)))
    return checks


def order_checks(entries: Sequence[Robustness]) -> list[Check]:
    """order: in noise ≥ one step ≥ PGD ≥ PGD with restarts ≥ suite ≥ proof, by how much an entry leaves more
    right than a weaker attack on the same threat."""
    checks = []
    for same in _grouped(entries, lambda e: (e.spec.norm, e.spec.eps)):
        ranked = [(rank, entry) for entry in same if (rank := entry.spec.attack.rank) is not None]
        for rank, entry in ranked:
            excess = [_more(entry, weaker) for other, weaker in ranked if other < rank]
            if excess:
                limit = share_limit(OUT_OF_ORDER, entry.n)
                checks.append(Check.at_most("order", (entry.id,), max(excess), limit))
    return checks


def eps_checks(entries: Sequence[Robustness]) -> list[Check]:
    """falls-with-eps: by how much an entry leaves more right than the same attack with a smaller ε."""
    checks = []
    for same in _grouped(entries, lambda e: e.spec.search()):
        by_size = sorted(same, key=lambda entry: entry.spec.eps)
        for place, entry in enumerate(by_size[1:], start=1):
            rise = max(_more(entry, smaller) for smaller in by_size[:place])
            checks.append(Check.at_most("falls-with-eps", (entry.id,), rise, share_limit(RISES, entry.n)))
    return checks


def claims_worst_case(entry: Robustness) -> bool:
    """Whether the audit judges it: PGD, suites, AutoAttack; neither less nor a proof."""
    return entry.spec.attack.rank in (2, 3, 4)


def _more(entry: Robustness, than: Robustness) -> float:
    """By how much the accuracy of one entry is above the other's."""
    assert entry.survivors is not None
    assert than.survivors is not None
    return int(entry.survivors.sum() - than.survivors.sum()) / entry.n


def _grouped(entries: Sequence[Robustness], key: Callable[[Robustness], Any]) -> list[list[Robustness]]:
    """The entries with a number, those of one key together."""
    groups: dict[str, list[Robustness]] = {}
    for entry in entries:
        if entry.survivors is not None:
            groups.setdefault(repr(key(entry)), []).append(entry)
    return list(groups.values())
