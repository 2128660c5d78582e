"""The public function for the robust accuracy under an attack."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bregman_exp.robustness.attack import Attack
from bregman_exp.robustness.attacks.function import Perturb
from bregman_exp.robustness.evaluation import evaluate
from bregman_exp.robustness.result import Check, Robustness, Verdict
from bregman_exp.robustness.spec import AttackSpec


@dataclass(frozen=True)
class Report:
    """A robust accuracy with its evidence.

    accuracy, correct, ci95 and survivors (N,) bool are None if the attack's points failed verification;
    n is the number of samples; checks have name, status, value, limit.
    """

    accuracy: float | None
    correct: int | None
    n: int
    ci95: tuple[float, float] | None
    survivors: Tensor | None
    checks: list[Check]
    verdict: Verdict

    @classmethod
    def of(cls, entry: Robustness, checks: list[Check]) -> "Report":
        result = entry.result
        return cls(
            accuracy=None if result is None else result.accuracy,
            correct=None if result is None else result.correct,
            n=entry.n,
            ci95=None if result is None else result.ci95,
            survivors=entry.survivors,
            checks=checks,
            verdict=entry.verdict,
        )


def robust_accuracy(
    net: nn.Module,
    images: Tensor | np.ndarray,
    labels: Tensor | np.ndarray,
    attack: str | Attack | Perturb = "pgd",
    norm: str = "linf",
    eps: float | str = 1 / 255,
    *,
    audit: bool = False,
    source: nn.Module | None = None,
    ids: Tensor | None = None,
    seed: int = 0,
    batch_size: int = 250,
    **settings: Any,
) -> Report:
    """The share of samples that are still classified correctly after an attack of size eps.

        report = robust_accuracy(net, images, labels, attack="pgd", norm="l2", eps=0.25, steps=20)

    ``attack``: "pgd", "suite" (the worst case over several attacks), "autoattack", … (see ``ATTACKS``), or
    your own function ``attack(net, x, y, threat, **settings)`` that returns points like x (see ``Function``).
    ``audit``: run every check, with the attacks that it needs; only then can the verdict of PGD or a suite be
    "reliable". ``source``: another model, whose adversarial points attack=transfer and the audit show to
    ``net``. ``ids``, ``seed``, ``batch_size``: see ``evaluate``. ``settings``: the attack's, e.g. steps.

    Shapes: images (N, …) in [0, 1] or uint8, labels (N,), tensors or NumPy arrays; net returns logits (N, K).
    Raises ValueError for an invalid argument.
    """
    images, labels = _tensor("images", images), _tensor("labels", labels)
    _check_module("net", net)
    if source is not None:
        _check_module("source", source)
    spec = AttackSpec.of(attack, norm, eps, **settings)
    evaluation = evaluate(
        net, images, labels, [spec], ids=ids, seed=seed, batch_size=batch_size, audit=audit, source=source
    )
    return Report.of(evaluation.robust[0], evaluation.checks)


def _check_module(name: str, module: Any) -> None:
    if not isinstance(module, nn.Module):
        raise ValueError(f"{name} is a {type(module).__name__}; it must be a torch.nn.Module.")


def _tensor(name: str, values: Any) -> Tensor:
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return torch.from_numpy(np.ascontiguousarray(values))
    if not isinstance(values, Tensor):
        raise ValueError(f"{name} are a {type(values).__name__}; give a tensor or a NumPy array of numbers.")
    return values
