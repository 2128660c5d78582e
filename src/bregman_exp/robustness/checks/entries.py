"""Checks of the attacks' results, alone and against each other, and the verdict on each result."""

from collections.abc import Callable, Sequence
from typing import Any

from bregman_exp.robustness.result import Check, Robustness, Verdict, share_limit
from bregman_exp.robustness.threat import TOLERANCE

UNDECIDED = 0.005  # the share of samples that a proof may leave undecided
STILL_RISING = 0.01  # the share of samples whose loss may still rise at the end
OUT_OF_ORDER = 0.005  # by how much the accuracy may be higher under a stronger attack
RISES = 0.005  # by how much the accuracy may be higher at a larger ε


def own_checks(entry: Robustness) -> list[Check]:
    """attack-ended and points-in-threat; exact-undecided for a proof; loss-still-rising for PGD."""
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
    """order: by how much the accuracy is above that of a weaker attack on the same threat.

    The order is noise ≥ one step ≥ PGD ≥ PGD with restarts ≥ suite ≥ proof.
    """
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
    """falls-with-eps: by how much the accuracy is above that of the same attack with a smaller ε."""
    checks = []
    for same in _grouped(entries, lambda e: e.spec.search()):
        by_size = sorted(same, key=lambda entry: entry.spec.eps)
        for index, entry in enumerate(by_size[1:], start=1):
            rise = max(_more(entry, smaller) for smaller in by_size[:index])
            checks.append(Check.at_most("falls-with-eps", (entry.id,), rise, share_limit(RISES, entry.n)))
    return checks


def claims_worst_case(entry: Robustness) -> bool:
    """Whether the audit applies: to PGD, suites and AutoAttack, but not to weaker attacks or a proof."""
    return entry.spec.attack.rank in (2, 3, 4)


def verdict(entry: Robustness, checks: Sequence[Check], *, constant: bool, audited: bool) -> Verdict:
    """The verdict on an entry.

    degenerate: the classifier is constant, so the number is exact but has no meaning. unreliable: a check
    that applies to the entry failed. reliable: a proof, or a worst case (PGD, a suite) that passed the audit.
    unchecked: everything else; a single step or noise is not a worst case.
    """
    if constant and entry.survivors is not None:
        return Verdict.DEGENERATE
    if any(check.status == "failed" and entry.id in check.applies_to for check in checks):
        return Verdict.UNRELIABLE
    if entry.undecided is not None or (audited and claims_worst_case(entry)):
        return Verdict.RELIABLE
    return Verdict.UNCHECKED


def _more(entry: Robustness, than: Robustness) -> float:
    """The accuracy of ``entry`` minus that of ``than``."""
    assert entry.survivors is not None
    assert than.survivors is not None
    return int(entry.survivors.sum() - than.survivors.sum()) / entry.n


def _grouped(entries: Sequence[Robustness], key: Callable[[Robustness], Any]) -> list[list[Robustness]]:
    """The entries with a number, grouped by key."""
    groups: dict[str, list[Robustness]] = {}
    for entry in entries:
        if entry.survivors is not None:
            groups.setdefault(repr(key(entry)), []).append(entry)
    return list(groups.values())
