"""The audit: stronger and other attacks on the samples that are still right, to see if the number falls."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import torch
from torch import Tensor

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import ATTACKS, Attack
from bregman_exp.robustness.attacks.pgd import PGD
from bregman_exp.robustness.checks.entries import claims_worst_case
from bregman_exp.robustness.checks.model import random_subset
from bregman_exp.robustness.harness import Harness
from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.spec import AttackSpec
from bregman_exp.robustness.threat import Threat

# the shares of samples by which the number may fall
MORE_STEPS, OTHER_LOSS, OTHER_ARITHMETIC, GRADIENT_FREE, SURROGATE = 0.005, 0.01, 0.005, 0.002, 0.01
HARD_LABEL = 0.01
FLOAT64_SAMPLES = 500
RESTARTS = 5
GRADIENT_FREE_MEMBERS = ("square", "random-search", "random_search")
LOSSES = ("ce-plain", "margin", "ce-rescaled")
SURROGATES = ("straight-through", "dual-form")


@dataclass(frozen=True)
class Audit:
    """The audit of the entries of one threat: ``judged``, which claim to be a worst case (PGD, suites).

    A probe attacks only samples that a judged entry left right. Its check is: by how much would the accuracy
    of this entry fall if the probe were a part of it?
    """

    harness: Harness
    right: Tensor
    judged: Sequence[Robustness]

    def run(self) -> tuple[list[Robustness], list[Check]]:
        """The probes and the checks."""
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
        """The PGD that the probes vary: the entries' own PGD with the fewest restarts, else the default."""
        return min(self._own, key=lambda pgd: (pgd.restarts, -pgd.steps), default=PGD())

    @property
    def _own(self) -> list[PGD]:
        return [entry.spec.attack for entry in self.judged if isinstance(entry.spec.attack, PGD)]

    def _probe(self, check: str, attack: Attack, mask: Tensor, *, fresh: bool = False) -> Robustness:
        harness, spec = self.harness, AttackSpec(attack, self.judged[0].spec.threat)
        if fresh:  # random starts that the entries have not used
            seed = generator(harness.victim.seed, "audit").initial_seed()
            harness = replace(harness, victim=replace(harness.victim, seed=seed), key="")
        (probe,) = harness.attack([spec], [f"{check}: {spec.id}"], mask, int(mask.sum()) or 1)
        return probe

    def _still_right(self, entries: Iterable[Robustness]) -> Tensor:
        """Samples that any of the entries left right, (N,)."""
        left = torch.zeros_like(self.right)
        for entry in entries:
            assert entry.survivors is not None
            left |= entry.survivors
        return left

    def _falls(self, check: str, probes: Sequence[Robustness], limit: float) -> list[Check]:
        """For each judged entry: the largest share of samples that it left right and a probe breaks."""
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
            if name not in self.harness.victim.surrogates:
                checks.append(Check.skipped(name, self._ids))
                continue
            probes.append(self._probe(name, replace(self.base, through=name), self._still_right(self.judged)))
            checks += self._falls(name, probes[-1:], SURROGATE)
        return probes, checks

    def _float64(self) -> tuple[list[Robustness], list[Check]]:
        """The difference of PGD's accuracies in float64 and float32 on the same samples."""
        if not self._computes_in_float64():
            return [], [Check.skipped("float64", self._ids)]
        chosen = torch.zeros_like(self.right)
        chosen[random_subset(len(chosen), FLOAT64_SAMPLES)] = True
        both = [
            self._probe("float64", replace(self.base, precision=precision, through=None), self.right & chosen)
            for precision in ("float64", "float32")
        ]
        n = int(chosen.sum())
        wide, narrow = map(count_right, both)
        value, limit = abs(wide - narrow) / n, share_limit(OTHER_ARITHMETIC, n)
        return both, [Check.at_most("float64", self._ids, value, limit)]

    def _computes_in_float64(self) -> bool:
        try:
            samples = self.harness.samples.in_float64()
            samples.predict(*samples.batch(torch.tensor([0])))
        except (RuntimeError, TypeError):
            # a float32 tensor that is neither a parameter nor a buffer, or a model that cannot be copied
            return False
        return True

    def _gradient_free(self) -> tuple[list[Robustness], list[Check]]:
        """The share of a suite's own search without gradients; for the other entries such a search is run."""
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
        """The transfer attacks all right samples; its accuracy is compared with that of each entry."""
        if self.harness.victim.source is None:
            return [], [Check.skipped("transfer", self._ids)]
        probe = self._probe("transfer", ATTACKS["transfer"](), self.right)
        return [probe], [
            Check.at_most(
                "transfer",
                (entry.id,),
                (count_right(entry) - count_right(probe)) / entry.n,
                share_limit(0.0, entry.n),
            )
            for entry in self.judged
        ]

    @property
    def _ids(self) -> tuple[str, ...]:
        return tuple(entry.id for entry in self.judged)


def judged_of(entries: Sequence[Robustness]) -> dict[Threat, list[Robustness]]:
    """The entries with a number that claim to be a worst case (PGD, suites), by threat."""
    by_threat: dict[Threat, list[Robustness]] = {}
    for entry in entries:
        if claims_worst_case(entry) and entry.survivors is not None and entry.spec.eps > 0:
            by_threat.setdefault(entry.spec.threat, []).append(entry)
    return by_threat


def count_right(probe: Robustness) -> float:
    """The number of samples that are still right; NaN, which fails every check, if verification failed."""
    return float("nan") if probe.survivors is None else float(probe.survivors.sum())


def _broken(entry: Robustness, probe: Robustness) -> float:
    """The share of samples that the entry left right and the probe breaks."""
    assert entry.survivors is not None
    assert probe.attacked is not None
    if probe.survivors is None:  # points outside the threat prove nothing, and the check must not pass
        return float("inf")
    attacked = torch.zeros_like(entry.survivors).index_fill(0, probe.attacked, True)
    return int((entry.survivors & attacked & ~probe.survivors).sum()) / entry.n


def _gradient_free_share(entry: Robustness) -> int | None:
    """The samples broken by the searches without gradients at the end of a suite; None if it has none."""
    shares = entry.counts.get("shares", {})
    last = list(takewhile(lambda name: name in GRADIENT_FREE_MEMBERS, reversed(shares)))
    return sum(shares[name] for name in last) if last else None
