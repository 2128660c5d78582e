"""What the checks make of an entry's number."""

from collections.abc import Sequence

from bregman_exp.robustness.checks.entries import claims_worst_case
from bregman_exp.robustness.result import Check, Robustness, Verdict


def verdict(entry: Robustness, checks: Sequence[Check], *, constant: bool, audited: bool) -> Verdict:
    """degenerate: the classifier is constant, so the number is exact and says nothing. unreliable: a check
    that applies to the entry failed. reliable: a proof, or a worst case (PGD, a suite) that passed the audit.
    unchecked: everything else; a single step or noise is no worst case."""
    if constant and entry.survivors is not None:
        return Verdict.DEGENERATE
    if any(check.status == "failed" and entry.id in check.applies_to for check in checks):
        return Verdict.UNRELIABLE
    if entry.undecided is not None or (audited and claims_worst_case(entry)):
        return Verdict.RELIABLE
    return Verdict.UNCHECKED
