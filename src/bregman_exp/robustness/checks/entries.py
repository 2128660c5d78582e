"""Checks of the attacks' results, each by itself and against one another."""

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.threat import TOLERANCE

UNDECIDED = 0.005  # the share of samples that a proof may leave undecided
STILL_RISING = 0.01  # the share of samples whose loss may still rise at the end
OUT_OF_ORDER = 0.005  # by how much a weaker attack may find more than a stronger one
RISES = 0.005  # by how much a larger ε may leave more


def own_checks(entry: Robustness) -> list[Check]:
    """points-in-threat; exact-undecided of a proof; loss-still-rising of PGD."""
    ids = (entry.id,)
    checks = [Check.at_most("points-in-threat", ids, entry.violation, TOLERANCE)]
    if entry.undecided is not None:
        limit = share_limit(UNDECIDED, entry.n)
        checks.append(Check.at_most("exact-undecided", ids, entry.undecided / entry.n, limit))
    if entry.late is not None and entry.spec.attack == "pgd":
        share = float(entry.late.sum()) / entry.n
        checks.append(Check.at_most("loss-still-rising", ids, share, share_limit(STILL_RISING, entry.n)))
    return checks


def order_checks(entries: Sequence[Robustness]) -> list[Check]:
    """order, for each threat: noise ≥ one step ≥ PGD ≥ PGD with restarts ≥ suite ≥ proof."""
    checks = []
    for _, same in _grouped(entries, lambda e: (e.spec.norm, e.spec.eps)):
        ranked = [(strength(entry), entry) for entry in same if strength(entry) is not None]
        excess = [
            _more(stronger, weaker)
            for rank, weaker in ranked
            for other, stronger in ranked
            if rank < other  # pyright: ignore[reportOperatorIssue]
        ]
        if excess:
            limit = share_limit(OUT_OF_ORDER, ranked[0][1].n)
            checks.append(Check.at_most("order", tuple(e.id for _, e in ranked), max(excess), limit))
    return checks


def eps_checks(entries: Sequence[Robustness]) -> list[Check]:
    """falls-with-eps, for each attack with several ε: a larger ε leaves no more samples right."""
    checks = []
    for _, same in _grouped(entries, lambda e: {**e.spec.changed(), "eps": None}):
        by_size = sorted(same, key=lambda entry: entry.spec.eps)
        rises = [_more(larger, smaller) for smaller, larger in pairwise(by_size)]
        if rises:
            ids, limit = tuple(entry.id for entry in by_size), share_limit(RISES, same[0].n)
            checks.append(Check.at_most("falls-with-eps", ids, max(rises), limit))
    return checks


def strength(entry: Robustness) -> int | None:
    """The place in the order noise, one step, PGD, PGD with restarts, suite, proof."""
    of_kind = entry.spec.kind.strength
    restarted = entry.spec.attack == "pgd" and (entry.spec.restarts or 1) > 1
    return 3 if restarted else of_kind


def _more(entry: Robustness, than: Robustness) -> float:
    """By how much the accuracy of one entry is above the other's."""
    assert entry.survivors is not None
    assert than.survivors is not None
    return int(entry.survivors.sum() - than.survivors.sum()) / entry.n


def _grouped(entries: Sequence[Robustness], key: Any) -> list[tuple[str, list[Robustness]]]:
    """The entries with a number, by key, in their order."""
    reported = [entry for entry in entries if entry.survivors is not None]
    told = sorted(reported, key=lambda entry: repr(key(entry)))
    return [(name, list(group)) for name, group in groupby(told, key=lambda entry: repr(key(entry)))]
