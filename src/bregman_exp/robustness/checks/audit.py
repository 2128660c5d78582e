"""The audit: stronger and other attacks on what is still right, to see whether the number would fall."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import torch
from torch import Tensor

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import ATTACKS, Attack
from bregman_exp.robustness.attacks.pgd import PGD
from bregman_exp.robustness.checks.entries import RISES, claims_worst_case
from bregman_exp.robustness.checks.model import random_subset
from bregman_exp.robustness.harness import Harness
from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.spec import AttackSpec
from bregman_exp.robustness.threat import Norm, Threat

# the share of samples by which the number may fall
MORE_STEPS, OTHER_LOSS, OTHER_ARITHMETIC, GRADIENT_FREE, SURROGATE = 0.005, 0.01, 0.005, 0.002, 0.01
HARD_LABEL = 0.01
NEAR_ZERO = 0.01  # what a ball that holds the whole box may leave
IN_FLOAT64 = 500  # samples
RESTARTS = 5
GRADIENT_FREE_MEMBERS = ("square", "random-search", "random_search")
LOSSES = ("ce-plain", "margin", "ce-rescaled")
SURROGATES = ("straight-through", "dual-form")


@dataclass(frozen=True)
class Audit:
    """Probes of the entries of one threat: ``judged`` are those that claim to be a worst case (PGD, suites).

    A probe attacks only samples that a judged entry left right, so that its check is: by how much would this
    entry's accuracy fall if the probe were taken in?
    """

    harness: Harness
    right: Tensor
    judged: Sequence[Robustness]

    def run(self) -> tuple[list[Robustness], list[Check]]:
        """What was run, and the checks."""
        probes, checks = [], []
        for more_probes, more_checks in (
            self._more_steps(),
            self._losses(),
            self._surrogates(),
            self._float64(),
            self._gradient_free(),
            self._hard_label(),
            self._transfer(),
        ):
            probes += more_probes
            checks += more_checks
        return probes, checks

    @property
    def base(self) -> PGD:
        """The PGD that the probes vary: of the entries' own that with fewest restarts, else the default."""
        return min(self._own, key=lambda pgd: (pgd.restarts, -pgd.steps), default=PGD())

    @property
    def _own(self) -> list[PGD]:
        return [entry.spec.attack for entry in self.judged if isinstance(entry.spec.attack, PGD)]

    def _probe(self, check: str, attack: Attack, mask: Tensor, *, fresh: bool = False) -> Robustness:
        harness, spec = self.harness, AttackSpec(attack, self.judged[0].spec.threat)
        if fresh:  # other random starts than the entries' own
            seed = generator(harness.victim.seed, "audit").initial_seed()
            harness = replace(harness, victim=replace(harness.victim, seed=seed), key="")
        (probe,) = harness.attack([spec], [f"{check}: {spec.id}"], mask, int(mask.sum()) or 1)
        return probe

    def _still_right(self, entries: Iterable[Robustness]) -> Tensor:
        """Samples that one of the entries left right, (N,)."""
        left = torch.zeros_like(self.right)
        for entry in entries:
            assert entry.survivors is not None
            left |= entry.survivors
        return left

    def _falls(self, check: str, probes: Sequence[Robustness], limit: float) -> list[Check]:
        """For each judged entry: the share of samples that it left right and one of the probes breaks."""
        return [
            Check.at_most(
                check,
                (entry.id,),
                max(_broken(entry, probe) for probe in probes),
                share_limit(limit, entry.n),
            )
            for entry in self.judged
        ]

    def _more_steps(self) -> tuple[list[Robustness], list[Check]]:
        own = self._own or [self.base]
        steps, restarts = 2 * max(pgd.steps for pgd in own), max(pgd.restarts for pgd in own)
        stronger = replace(self.base, random_start=True, steps=steps, restarts=max(restarts, RESTARTS))
        probe = self._probe("more-steps", stronger, self._still_right(self.judged), fresh=True)
        return [probe], self._falls("more-steps", [probe], MORE_STEPS)

    def _losses(self) -> tuple[list[Robustness], list[Check]]:
        others = [replace(self.base, loss=loss) for loss in LOSSES if loss != self.base.loss]
        probes = [self._probe("losses-agree", pgd, self._still_right(self.judged)) for pgd in others]
        return probes, self._falls("losses-agree", probes, OTHER_LOSS)

    def _surrogates(self) -> tuple[list[Robustness], list[Check]]:
        probes, checks = [], []
        for name in SURROGATES:
            if name not in self.harness.victim.twins:
                checks.append(Check.skipped(name, self._ids))
                continue
            probes.append(self._probe(name, replace(self.base, through=name), self._still_right(self.judged)))
            checks += self._falls(name, probes[-1:], SURROGATE)
        return probes, checks

    def _float64(self) -> tuple[list[Robustness], list[Check]]:
        """The same PGD in both arithmetics on the same samples: by how much the accuracies differ."""
        if not self._computes_in_float64():
            return [], [Check.skipped("float64", self._ids)]
        chosen = torch.zeros_like(self.right)
        chosen[random_subset(len(chosen), IN_FLOAT64)] = True
        both = [
            self._probe("float64", replace(self.base, precision=precision, through=None), self.right & chosen)
            for precision in ("float64", "float32")
        ]
        n = int(chosen.sum())
        wide, narrow = map(_left, both)
        value, limit = abs(wide - narrow) / n, share_limit(OTHER_ARITHMETIC, n)
        return both, [Check.at_most("float64", self._ids, value, limit)]

    def _computes_in_float64(self) -> bool:
        try:
            samples = self.harness.samples.in_float64()
            samples.predict(*samples.batch(torch.tensor([0])))
        except (RuntimeError, TypeError):
            # a tensor of the model's own that is no parameter and no buffer; a model that cannot be copied
            return False
        return True

    def _gradient_free(self) -> tuple[list[Robustness], list[Check]]:
        """A suite that ends in such a search has its own share; for the others it is run."""
        shares = {entry.id: _gradient_free_share(entry) for entry in self.judged}
        others = [entry for entry in self.judged if shares[entry.id] is None]
        probes = []
        if others:
            search = ATTACKS["square" if self.harness.samples.x.dim() == 4 else "random_search"]()
            probes = [self._probe("gradient-free", search, self._still_right(others))]
        checks = []
        for entry in self.judged:
            share = shares[entry.id]
            value = _broken(entry, probes[0]) if share is None else share / entry.n
            checks.append(
                Check.at_most("gradient-free", (entry.id,), value, share_limit(GRADIENT_FREE, entry.n))
            )
        return probes, checks

    def _hard_label(self) -> tuple[list[Robustness], list[Check]]:
        probe = self._probe("hard-label", ATTACKS["hard_label"](), self._still_right(self.judged))
        return [probe], self._falls("hard-label", [probe], HARD_LABEL)

    def _transfer(self) -> tuple[list[Robustness], list[Check]]:
        """All samples are attacked: what counts is the accuracy that the transferred points leave."""
        if self.harness.victim.source is None:
            return [], [Check.skipped("transfer", self._ids)]
        probe = self._probe("transfer", ATTACKS["transfer"](), self.right)
        return [probe], [
            Check.at_most(
                "transfer", (entry.id,), (_left(entry) - _left(probe)) / entry.n, share_limit(0.0, entry.n)
            )
            for entry in self.judged
        ]

    @property
    def _ids(self) -> tuple[str, ...]:
        return tuple(entry.id for entry in self.judged)


def judged_of(entries: Sequence[Robustness]) -> dict[Threat, list[Robustness]]:
    """By threat, the entries with a number that claim to be a worst case: PGD and suites."""
    by_threat: dict[Threat, list[Robustness]] = {}
    for entry in entries:
        if claims_worst_case(entry) and entry.survivors is not None and entry.spec.eps > 0:
            by_threat.setdefault(entry.spec.threat, []).append(entry)
    return by_threat


def sizes_audit(
    harness: Harness, right: Tensor, judged: Sequence[Robustness]
) -> tuple[list[Robustness], list[Check]]:
    """zero-eps, falls-with-eps and huge-eps, for the judged entries of one norm.

    PGD is looked at with five restarts, since in so wide a ball one start says little; suites by the default
    suite.
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
    """At ε = 0 what is right on clean data must stay right; at twice the largest ε no more than at that one;
    at the size that holds the whole box next to nothing."""
    largest = max(entry.spec.eps for entry in entries)
    norm = entries[0].spec.norm
    whole = 1.0 if norm is Norm.LINF else harness.samples.x[0].numel() ** 0.5
    specs = [AttackSpec(attack, Threat(norm, eps)) for eps in (0.0, min(2 * largest, whole), whole)]
    probes = [harness.attack([spec], [f"sizes: {spec.id}"], right, len(right))[0] for spec in specs]
    n, (at_zero, at_twice, at_whole) = len(right), map(_left, probes)
    ids = tuple(entry.id for entry in entries)
    checks = [Check.at_most("zero-eps", ids, abs(int(right.sum()) - at_zero) / n, share_limit(0.0, n))]
    for entry in entries:
        if entry.spec.eps == largest:
            rise = max(at_twice - _left(entry), at_whole - at_twice) / n
            checks.append(Check.at_most("falls-with-eps", (entry.id,), rise, share_limit(RISES, n)))
    checks.append(Check.at_most("huge-eps", ids, at_whole / n, share_limit(NEAR_ZERO, n)))
    return probes, checks


def _left(probe: Robustness) -> float:
    """How many samples are still right; NaN, which fails every check, where verification failed."""
    return float("nan") if probe.survivors is None else float(probe.survivors.sum())


def _broken(entry: Robustness, probe: Robustness) -> float:
    """The share of the entry's samples that it left right and the probe breaks."""
    assert entry.survivors is not None
    assert probe.attacked is not None
    if probe.survivors is None:  # points outside the threat show nothing of the entry, and must not pass
        return float("inf")
    attacked = torch.zeros_like(entry.survivors).index_fill(0, probe.attacked, True)
    return int((entry.survivors & attacked & ~probe.survivors).sum()) / entry.n


def _gradient_free_share(entry: Robustness) -> int | None:
    """What the searches without gradients at the end of a suite broke; None where it does not end in one."""
    shares = entry.counts.get("shares", {})
    last = list(takewhile(lambda name: name in GRADIENT_FREE_MEMBERS, reversed(shares)))
    return sum(shares[name] for name in last) if last else None
