"""The results of an evaluation: accuracies, the result of each attack, and the checks."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bregman_exp.robustness.attack import numbered
from bregman_exp.robustness.attack_result import Counts
from bregman_exp.robustness.spec import AttackSpec
from bregman_exp.wilson import wilson_interval


@dataclass(frozen=True)
class Accuracy:
    """correct of n samples, as a fraction with its Wilson 95 % interval."""

    correct: int
    n: int

    @property
    def accuracy(self) -> float:
        return self.correct / self.n

    @property
    def ci95(self) -> tuple[float, float]:
        return wilson_interval(self.correct, self.n)

    def to_json(self) -> dict[str, object]:
        return {"accuracy": self.accuracy, "correct": self.correct, "n": self.n, "ci95": list(self.ci95)}


class Verdict(StrEnum):
    """What the checks say about a number, see ``verdict`` in ``checks/entries.py``."""

    UNCHECKED = "unchecked"
    RELIABLE = "reliable"
    UNRELIABLE = "unreliable"
    DEGENERATE = "degenerate"


@dataclass(frozen=True)
class Check:
    """One named test of the evaluation itself; see docs/checks.md for what a failure means."""

    name: str
    applies_to: tuple[str, ...]
    status: str  # passed | failed | skipped
    value: float | None
    limit: float | None

    @classmethod
    def at_most(cls, name: str, applies_to: tuple[str, ...], value: float, limit: float) -> "Check":
        """Passed if value ≤ limit; a NaN fails."""
        value = value + 0.0  # no −0
        return cls(name, applies_to, "passed" if value <= limit else "failed", value, limit)

    @classmethod
    def skipped(cls, name: str, applies_to: tuple[str, ...]) -> "Check":
        """A check that lacks its input."""
        return cls(name, applies_to, "skipped", None, None)

    def to_json(self) -> dict[str, Any]:
        finite = self.value is None or abs(self.value) < float("inf")
        return {
            "name": self.name,
            "applies_to": list(self.applies_to),
            "status": self.status,
            "value": self.value if finite else None,  # JSON has no infinity
            "limit": self.limit,
        }


def share_limit(stated: float, n: int) -> float:
    """The limit of a check whose value is a share of n samples; a single sample is always allowed."""
    return max(stated, 1 / n)


@dataclass(frozen=True)
class Robustness:
    """The result of an attack on n samples.

    survivors (N,) bool: still right; None if verification failed or the attack raised an error.
    violation: the most that any point is outside the threat.
    counts: see ``AttackResult``.
    undecided: the samples that an attack with proofs could not decide.
    late (N,) bool: survivors whose loss still rose in the last tenth of the steps.
    distances (N,), for an attack that looks for the nearest wrong point: 0 for a sample that is wrong on
    clean data, ∞ if no wrong point was found.
    attacked (m,): the indices of the attacked samples.
    points (m, …), predicted (m,): the adversarial points, if they are kept, and the classes predicted there.
    repeated, differing: the rows of the attack's calls that were repeated, and how many got another answer.
    error: the exception that the attack raised.
    """

    id: str
    spec: AttackSpec
    n: int
    survivors: Tensor | None
    seconds: float
    violation: float = 0.0
    counts: Counts = field(default_factory=dict)
    undecided: int | None = None
    late: Tensor | None = None
    distances: Tensor | None = None
    attacked: Tensor | None = None
    points: Tensor | None = None
    predicted: Tensor | None = None
    repeated: int = 0
    differing: int = 0
    error: Exception | None = None
    verdict: Verdict = Verdict.UNCHECKED

    @property
    def result(self) -> Accuracy | None:
        return None if self.survivors is None else Accuracy(int(self.survivors.sum()), self.n)

    def to_json(self) -> dict[str, Any]:
        unknown = {"accuracy": None, "correct": None, "n": self.n, "ci95": None}
        figures = unknown if self.result is None else self.result.to_json()
        median = {} if self.distances is None else {"median_distance": self._median_distance()}
        return {
            "id": self.id,
            **self.spec.to_json(),
            **figures,
            **median,
            **self.counts,
            **_error(self),
            "verdict": self.verdict,
            "seconds": self.seconds,
        }

    def _median_distance(self) -> float | None:
        assert self.distances is not None
        median = float(self.distances.double().quantile(0.5, interpolation="lower"))
        return median if median < float("inf") else None  # JSON has no infinity


@dataclass(frozen=True)
class Evaluation:
    """Clean accuracy and predictions (N,), the results of attacks and of the audit's probes, the checks."""

    clean: Accuracy
    predictions: Tensor
    robust: list[Robustness]
    probes: list[Robustness] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The keys clean, robust, checks and, after an audit, probes of metrics.json.

        A probe attacks only the samples that its check needs: ``attacked``, of which it broke ``broken``.
        """
        content = {
            "clean": self.clean.to_json(),
            "robust": [entry.to_json() for entry in self.robust],
            "checks": [check.to_json() for check in self.checks],
        }
        return content | ({"probes": [_probe_json(probe) for probe in self.probes]} if self.probes else {})

    def arrays(self, ids: Tensor, labels: Tensor) -> dict[str, np.ndarray]:
        """The arrays of predictions.npz, each (N,).

        They are id, label, prediction; for each attack, whether the sample is still right; and in each norm
        the distance to the nearest wrong point, if an attack looked for it.
        """
        tensors = {"id": ids, "label": labels, "prediction": self.predictions}
        tensors |= {entry.id: entry.survivors for entry in self.robust if entry.survivors is not None}
        searches = {entry.spec.search(): entry for entry in self.robust if entry.distances is not None}
        names = [f"distance-{entry.spec.attack.label}-{entry.spec.norm}" for entry in searches.values()]
        tensors |= {
            name: entry.distances
            for name, entry in zip(numbered(names), searches.values(), strict=True)
            if entry.distances is not None
        }
        return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}


def _probe_json(probe: Robustness) -> dict[str, Any]:
    attacked = 0 if probe.attacked is None else len(probe.attacked)
    left = torch.zeros(0) if probe.survivors is None else probe.survivors
    broken = None if probe.survivors is None else attacked - int(left.sum())
    return {
        "id": probe.id,
        **probe.spec.to_json(),
        "attacked": attacked,
        "broken": broken,
        "seconds": probe.seconds,
        **_error(probe),
    }


def _error(entry: Robustness) -> dict[str, str]:
    return {} if entry.error is None else {"error": f"{type(entry.error).__name__}: {entry.error}"}
