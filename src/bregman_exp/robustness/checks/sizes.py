"""The audit's attacks at other ε: zero, twice the largest, and a ball around the whole box."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from bregman_exp.robustness.attack import ATTACKS, Attack
from bregman_exp.robustness.attacks.pgd import PGD
from bregman_exp.robustness.checks.audit import RESTARTS, count_right
from bregman_exp.robustness.checks.entries import RISES
from bregman_exp.robustness.harness import Harness
from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.spec import AttackSpec
from bregman_exp.robustness.threat import Norm, Threat

NEAR_ZERO = 0.01  # the accuracy that may remain in a ball around the whole box


def sizes_audit(
    harness: Harness, right: Tensor, judged: Sequence[Robustness]
) -> tuple[list[Robustness], list[Check]]:
    """zero-eps, falls-with-eps and huge-eps, for the judged entries of one norm.

    PGD entries are tested by PGD with five restarts, because a single start is weak in so large a ball;
    suites by the default suite.
    """
    pgd = {entry.id: entry.spec.attack for entry in judged if isinstance(entry.spec.attack, PGD)}
    probes, checks = [], []
    if pgd:
        first = min(pgd.values(), key=lambda attack: attack.restarts)
        attack = replace(first, restarts=RESTARTS, random_start=True)
        probes, checks = _at_other_sizes(harness, right, [e for e in judged if e.id in pgd], attack)
    suites = [entry for entry in judged if entry.id not in pgd]
    if suites:
        more_probes, more_checks = _at_other_sizes(harness, right, suites, ATTACKS["suite"]())
        probes, checks = probes + more_probes, checks + more_checks
    return probes, checks


def _at_other_sizes(
    harness: Harness, right: Tensor, entries: Sequence[Robustness], attack: Attack
) -> tuple[list[Robustness], list[Check]]:
    """The checks of an attack at ε = 0, at twice the largest ε, and with the whole box in the ball.

    At ε = 0 the accuracy must be the clean one. At twice the largest ε it must not be higher than there. In
    the whole box it must be nearly 0.
    """
    largest = max(entry.spec.eps for entry in entries)
    norm = entries[0].spec.norm
    whole = 1.0 if norm is Norm.LINF else harness.samples.x[0].numel() ** 0.5
    specs = [AttackSpec(attack, Threat(norm, eps)) for eps in (0.0, min(2 * largest, whole), whole)]
    probes = [harness.attack([spec], [f"sizes: {spec.id}"], right, len(right))[0] for spec in specs]
    n, (at_zero, at_twice, at_whole) = len(right), map(count_right, probes)
    ids = tuple(entry.id for entry in entries)
    checks = [Check.at_most("zero-eps", ids, abs(int(right.sum()) - at_zero) / n, share_limit(0.0, n))]
    for entry in entries:
        if entry.spec.eps == largest:
            rise = max(at_twice - count_right(entry), at_whole - at_twice) / n
            checks.append(Check.at_most("falls-with-eps", (entry.id,), rise, share_limit(RISES, n)))
    checks.append(Check.at_most("huge-eps", ids, at_whole / n, share_limit(NEAR_ZERO, n)))
    return probes, checks
