"""What an evaluation says: accuracies, what each attack left, and the checks."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bregman_exp.robustness.accuracy import Accuracy
from bregman_exp.robustness.attack import numbered
from bregman_exp.robustness.found import Counts
from bregman_exp.robustness.spec import AttackSpec


class Verdict(StrEnum):
    """What the checks make of a number, see ``checks/verdict``."""

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
        """Passed where value ≤ limit; a NaN fails."""
        value = value + 0.0  # no −0
        return cls(name, applies_to, "passed" if value <= limit else "failed", value, limit)

    @classmethod
    def skipped(cls, name: str, applies_to: tuple[str, ...]) -> "Check":
        """A check without its input."""
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
    """The limit of a check whose value is a share of n samples: one sample is always allowed."""
    return max(stated, 1 / n)


@dataclass(frozen=True)
class Robustness:
    """One attack's result on n samples.

    ``survivors`` (N,) bool: still right; None where verification failed. ``counts``: what the attack itself
    counted, see ``Found``. ``undecided``: of a proof, how many samples it could not decide. ``late`` (N,)
    bool: the loss of a survivor still rose in the last tenth of the steps. ``distances`` (N,), for an attack
    that looks for the nearest wrong point: 0 for those wrong on clean data, ∞ where it found none.
    ``points`` (m, …) and the classes ``predicted`` (m,) there, of the samples ``attacked`` (m,), where they
    are kept. ``violation``: the most that any point leaves the threat. ``asked``: how many rows of the
    attack's calls the model was shown again, ``otherwise``: how many of them got another answer. ``error``:
    what the attack raised; ``survivors`` is None then.
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
    asked: int = 0
    otherwise: int = 0
    error: Exception | None = None
    verdict: Verdict = Verdict.UNCHECKED

    @property
    def result(self) -> Accuracy | None:
        return None if self.survivors is None else Accuracy(int(self.survivors.sum()), self.n)

    def to_json(self) -> dict[str, Any]:
        none = {"accuracy": None, "correct": None, "n": self.n, "ci95": None}
        figures = none if self.result is None else self.result.to_json()
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
    """Clean predictions (N,), what each attack left, what was run for the checks alone, and the checks."""

    clean: Accuracy
    predictions: Tensor
    robust: list[Robustness]
    probes: list[Robustness] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The parts clean, robust, checks and, of an audit, probes of metrics.json.

        A probe sees only the samples that a check is about: ``attacked``, of which it broke ``broken``.
        """
        told = {
            "clean": self.clean.to_json(),
            "robust": [entry.to_json() for entry in self.robust],
            "checks": [check.to_json() for check in self.checks],
        }
        return told | ({"probes": [_probe_json(probe) for probe in self.probes]} if self.probes else {})

    def arrays(self, ids: Tensor, labels: Tensor) -> dict[str, np.ndarray]:
        """predictions.npz: id, label, prediction, for each attack whether the sample is still right, and the
        distance to the nearest wrong point found, in each norm, where an attack looked for it."""
        told = {"id": ids, "label": labels, "prediction": self.predictions}
        told |= {entry.id: entry.survivors for entry in self.robust if entry.survivors is not None}
        searches = {entry.spec.search(): entry for entry in self.robust if entry.distances is not None}
        names = [f"distance-{entry.spec.attack.label}-{entry.spec.norm}" for entry in searches.values()]
        told |= {
            name: entry.distances
            for name, entry in zip(numbered(names), searches.values(), strict=True)
            if entry.distances is not None
        }
        return {name: tensor.cpu().numpy() for name, tensor in told.items()}


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
