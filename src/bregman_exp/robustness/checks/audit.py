"""The audit: stronger and other attacks on what is still right, to see whether the number would fall."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.checks.entries import RISES, claims_worst_case
from bregman_exp.robustness.checks.model import random_subset
from bregman_exp.robustness.harness import Harness
from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.spec import AttackSpec, WholeBox

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
    def base(self) -> AttackSpec:
        """The PGD that the probes vary: of the entries' own that with fewest restarts, else the default."""
        first = self.judged[0].spec
        own = [entry.spec for entry in self.judged if entry.spec.attack == "pgd"]
        own = own or [AttackSpec("pgd", first.norm, first.eps)]
        return min(own, key=lambda spec: (spec.restarts or 1, -(spec.steps or 1)))

    def _probe(self, check: str, spec: AttackSpec, mask: Tensor, *, fresh: bool = False) -> Robustness:
        harness = self.harness
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
        own = [entry.spec for entry in self.judged if entry.spec.attack == "pgd"] or [self.base]
        steps, restarts = 2 * max(spec.steps or 1 for spec in own), max(spec.restarts or 1 for spec in own)
        stronger = replace(self.base, random_start=True, steps=steps, restarts=max(restarts, RESTARTS))
        probe = self._probe("more-steps", stronger, self._still_right(self.judged), fresh=True)
        return [probe], self._falls("more-steps", [probe], MORE_STEPS)

    def _losses(self) -> tuple[list[Robustness], list[Check]]:
        others = [replace(self.base, loss=loss) for loss in LOSSES if loss != self.base.loss]
        probes = [self._probe("losses-agree", spec, self._still_right(self.judged)) for spec in others]
        return probes, self._falls("losses-agree", probes, OTHER_LOSS)

    def _surrogates(self) -> tuple[list[Robustness], list[Check]]:
        probes, checks = [], []
        for name in SURROGATES:
            if name not in self.harness.victim.twins:
                checks.append(Check.skipped(name, self._ids))
                continue
            spec = replace(self.base, through=name)
            probes.append(self._probe(name, spec, self._still_right(self.judged)))
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
            images = self.harness.samples.x.dim() == 4
            spec = AttackSpec("square" if images else "random_search", self.base.norm, self.base.eps)
            probes = [self._probe("gradient-free", spec, self._still_right(others))]
        checks = []
        for entry in self.judged:
            share = shares[entry.id]
            value = _broken(entry, probes[0]) if share is None else share / entry.n
            checks.append(
                Check.at_most("gradient-free", (entry.id,), value, share_limit(GRADIENT_FREE, entry.n))
            )
        return probes, checks

    def _hard_label(self) -> tuple[list[Robustness], list[Check]]:
        spec = AttackSpec("hard_label", self.base.norm, self.base.eps)
        probe = self._probe("hard-label", spec, self._still_right(self.judged))
        return [probe], self._falls("hard-label", [probe], HARD_LABEL)

    def _transfer(self) -> tuple[list[Robustness], list[Check]]:
        """All samples are attacked: what counts is the accuracy that the transferred points leave."""
        if self.harness.victim.source is None:
            return [], [Check.skipped("transfer", self._ids)]
        probe = self._probe("transfer", AttackSpec("transfer", self.base.norm, self.base.eps), self.right)
        return [probe], [
            Check.at_most(
                "transfer", (entry.id,), (_left(entry) - _left(probe)) / entry.n, share_limit(0.0, entry.n)
            )
            for entry in self.judged
        ]

    @property
    def _ids(self) -> tuple[str, ...]:
        return tuple(entry.id for entry in self.judged)


def judged_of(entries: Sequence[Robustness]) -> dict[tuple[str, float], list[Robustness]]:
    """By threat, the entries with a number that claim to be a worst case: PGD and suites."""
    by_threat: dict[tuple[str, float], list[Robustness]] = {}
    for entry in entries:
        if claims_worst_case(entry) and entry.survivors is not None and entry.spec.eps > 0:
            by_threat.setdefault((entry.spec.norm, entry.spec.eps), []).append(entry)
    return by_threat


def sizes_audit(
    harness: Harness, right: Tensor, judged: Sequence[Robustness]
) -> tuple[list[Robustness], list[Check]]:
    """zero-eps, falls-with-eps and huge-eps, for the judged entries of one norm.

    PGD is looked at with five restarts, since in so wide a ball one start says little; suites by the default
    suite.
    """
    pgd = [entry for entry in judged if entry.spec.attack == "pgd"]
    suites = [entry for entry in judged if entry.spec.attack != "pgd"]
    several: dict[str, Any] = {"restarts": RESTARTS, "random_start": True}
    probes, checks = [], []
    for entries in (pgd, suites):
        if entries:
            first = min(entries, key=lambda entry: entry.spec.restarts or 1).spec
            settings = first.changed() | several if entries is pgd else {"attack": "suite"}
            settings = {"norm": first.norm, **settings}
            more_probes, more_checks = _at_other_sizes(harness, right, entries, settings)
            probes, checks = probes + more_probes, checks + more_checks
    return probes, checks


def _at_other_sizes(
    harness: Harness, right: Tensor, entries: Sequence[Robustness], settings: dict[str, Any]
) -> tuple[list[Robustness], list[Check]]:
    """At ε = 0 what is right on clean data must stay right; at twice the largest ε no more than at that one;
    at the size that holds the whole box next to nothing."""
    largest = max(entry.spec.eps for entry in entries)
    whole = 1.0 if settings["norm"] == "linf" else harness.samples.x[0].numel() ** 0.5
    sizes = (0.0, min(2 * largest, whole), whole)
    specs = [WholeBox(**dict[str, Any](settings, eps=eps)) for eps in sizes]
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
