"""The one harness: every attack runs through it, and it alone decides who is still right."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bregman_exp.robustness.accuracy import Accuracy
from bregman_exp.robustness.attacks.found import Counts, added
from bregman_exp.robustness.isolation import evaluating
from bregman_exp.robustness.spec import AttackSpec, unique_ids
from bregman_exp.robustness.threat import TOLERANCE

UNDECIDED = 0.005  # how large a share an exact search may leave undecided; one sample always
NO_CLASS = -1  # the prediction where the logits are not finite: never right

# (id of the attack, samples done, samples in all, samples still right)
OnProgress = Callable[[str, int, int, int], None]


@dataclass(frozen=True)
class Check:
    """One named test of the evaluation itself."""

    name: str
    applies_to: tuple[str, ...]
    status: str  # passed | failed | skipped
    value: float | None
    limit: float | None

    def to_json(self) -> dict[str, Any]:
        finite = self.value is None or abs(self.value) < float("inf")
        return {
            "name": self.name,
            "applies_to": list(self.applies_to),
            "status": self.status,
            "value": self.value if finite else None,  # JSON has no infinity
            "limit": self.limit,
        }


@dataclass(frozen=True)
class Robustness:
    """One attack's result. ``survivors`` (N,) bool: still right; None where verification failed.

    ``counts``: what the attack itself counted, see ``Found``. ``verdict``: unreliable where a check of this
    attack failed, reliable where the attack is a proof, else unchecked.
    """

    id: str
    spec: AttackSpec
    n: int
    survivors: Tensor | None
    seconds: float
    counts: Counts = field(default_factory=dict)
    verdict: str = "unchecked"

    @property
    def result(self) -> Accuracy | None:
        return None if self.survivors is None else Accuracy(int(self.survivors.sum()), self.n)

    def to_json(self) -> dict[str, Any]:
        none = {"accuracy": None, "correct": None, "n": self.n, "ci95": None}
        figures = none if self.result is None else self.result.to_json()
        return {
            "id": self.id,
            **self.spec.to_json(),
            **figures,
            **self.counts,
            "verdict": self.verdict,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Evaluation:
    """Clean predictions (N,), what each attack left, and the checks."""

    clean: Accuracy
    predictions: Tensor
    robust: list[Robustness]
    checks: list[Check] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The parts clean, robust and checks of metrics.json."""
        return {
            "clean": self.clean.to_json(),
            "robust": [entry.to_json() for entry in self.robust],
            "checks": [check.to_json() for check in self.checks],
        }

    def arrays(self, ids: Tensor, labels: Tensor) -> dict[str, np.ndarray]:
        """predictions.npz: id, label, prediction, and for each attack whether the sample is still right."""
        told = {"id": ids, "label": labels, "prediction": self.predictions}
        told |= {entry.id: entry.survivors for entry in self.robust if entry.survivors is not None}
        return {name: tensor.cpu().numpy() for name, tensor in told.items()}


def evaluate(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    specs: Sequence[AttackSpec],
    *,
    ids: Tensor | None = None,
    seed: int = 0,
    batch_size: int = 250,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Clean accuracy, then each attack's robust accuracy.

    Only samples that are right on clean data are attacked. Every point an attack returns is verified (finite,
    in the box, in the ball to 1e-6) and shown to the model again; where one is not, the attack's number is
    not reported. The model's and the program's state are as before (see ``evaluating``).

    Shapes: x (N, …), uint8 or float in [0, 1]; y, ids (N,); the model gives logits (N, K). ``ids`` name the
    samples in the random streams (default 0 … N−1).

    Raises ValueError for inputs outside [0, 1], labels that are no classes, no samples, and a model whose
    output is not finite logits.
    """
    _check_inputs(x, y, batch_size)
    ids = torch.arange(len(y)) if ids is None else ids
    with evaluating(model) as used:
        samples = _Samples(used, x, y, ids, batch_size)
        predictions, classes = samples.predictions()
        if (predictions == NO_CLASS).any():
            raise ValueError("the model gives logits that are not finite; its accuracy means nothing.")
        right = predictions == y.cpu()
        tell = on_progress or (lambda *_: None)
        tell("clean", len(y), len(y), int(right.sum()))
        specs = [spec.for_classes(classes) for spec in specs]
        results = [
            _attacked(samples, right, name, spec, seed, tell)
            for name, spec in zip(unique_ids(specs), specs, strict=True)
        ]
    clean = Accuracy(int(right.sum()), len(y))
    checks = [check for _, checks in results for check in checks]
    return Evaluation(clean, predictions, [result for result, _ in results], checks)


def _check_inputs(x: Tensor, y: Tensor, batch_size: int) -> None:
    if len(x) == 0 or len(x) != len(y):
        raise ValueError(f"{len(x)} inputs with {len(y)} labels: give the same number of each, at least 1.")
    if y.dim() != 1 or y.is_floating_point() or y.is_complex():
        raise ValueError(f"labels are {y.dtype} of shape {tuple(y.shape)}; give whole numbers of shape (N,).")
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: it must be ≥ 1.")
    if x.dtype == torch.uint8:
        return
    if not x.is_floating_point() or not ((x >= 0) & (x <= 1)).all():
        raise ValueError(
            f"inputs lie in [{float(x.min()):g}, {float(x.max()):g}]; give uint8 images or floats in [0, 1], "
            "and put any normalisation into the model."
        )


@dataclass(frozen=True)
class _Samples:
    """The model and its inputs, which reach its device batch by batch."""

    model: nn.Module
    x: Tensor
    y: Tensor
    ids: Tensor
    batch_size: int

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """x in [0, 1], in the model's type (never half precision), and y of these samples, on its device."""
        like = next(self.model.parameters(), self.x)
        dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
        x = self.x[index.to(self.x.device)].to(like.device)
        x = x.to(dtype) / 255 if x.dtype == torch.uint8 else x.to(dtype)
        return x, self.y[index.to(self.y.device)].to(like.device, torch.int64)

    def predictions(self) -> tuple[Tensor, int]:
        """The predicted classes of all samples (N,), and the number of classes."""
        predicted, classes = [], 0
        for index in torch.arange(len(self.y)).split(self.batch_size):
            logits = self.logits(*self.batch(index))
            predicted.append(_predicted(logits))
            classes = logits.shape[1]
        return torch.cat(predicted), classes

    def predict(self, x: Tensor, y: Tensor) -> Tensor:
        return _predicted(self.logits(x, y))

    @torch.no_grad()
    def logits(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, K), checked: as many as inputs, and a class for each label."""
        logits = self.model(x)
        if logits.dim() != 2 or len(logits) != len(x) or logits.shape[1] < 2:
            raise ValueError(
                f"the model gives {tuple(logits.shape)} for {len(x)} inputs; logits (N, K ≥ 2) are needed."
            )
        if not 0 <= int(y.min()) <= int(y.max()) < logits.shape[1]:
            raise ValueError(
                f"labels lie in {int(y.min())} … {int(y.max())}; the model has {logits.shape[1]} classes."
            )
        return logits


def _predicted(logits: Tensor) -> Tensor:
    """The predicted classes, (n,) on the CPU; NO_CLASS where the logits are not finite."""
    finite = logits.isfinite().all(dim=1)
    return logits.argmax(dim=1).where(finite, NO_CLASS).cpu()


def _attacked(
    samples: _Samples, right: Tensor, name: str, spec: AttackSpec, seed: int, tell: OnProgress
) -> tuple[Robustness, list[Check]]:
    """One attack on the samples that are right on clean data, verified."""
    start, survivors, worst, counts = time.perf_counter(), right.clone(), 0.0, {}
    n, done, undecided = len(right), int((~right).sum()), None
    tell(name, done, n, n - done)
    for index in right.nonzero().flatten().split(samples.batch_size):
        if len(index) == 0:
            break  # torch splits nothing into one empty part
        x, y = samples.batch(index)
        found = spec.find(samples.model, x, y, samples.ids[index], seed)
        points, counts = found.points.detach(), added((counts, found.counts))
        worst = max(worst, float(spec.threat.violation(points, x).max()))
        if worst > TOLERANCE:
            break
        survivors[index] = samples.predict(points, y) == y.cpu()
        if found.proven is not None:
            undecided = (undecided or 0) + int((survivors[index] & ~found.proven.cpu()).sum())
        done += len(index)
        tell(name, done, n, int(survivors.sum()))
    verified = worst <= TOLERANCE
    seconds = time.perf_counter() - start
    checks = [_at_most("points-in-threat", name, worst, TOLERANCE)]
    if undecided is not None:  # the attack is a search that proves: what it could not decide counts as right
        checks.append(_at_most("exact-undecided", name, undecided / n, max(1 / n, UNDECIDED)))
    failed = any(check.status == "failed" for check in checks)
    verdict = "unreliable" if failed else "unchecked" if undecided is None else "reliable"
    return Robustness(name, spec, n, survivors if verified else None, seconds, counts, verdict), checks


def _at_most(check: str, attack: str, value: float, limit: float) -> Check:
    return Check(check, (attack,), "passed" if value <= limit else "failed", value, limit)
