"""The public way to one robust accuracy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bregman_exp.robustness.attack import Attack
from bregman_exp.robustness.attacks.function import Perturb
from bregman_exp.robustness.evaluation import evaluate
from bregman_exp.robustness.result import Check, Verdict
from bregman_exp.robustness.spec import AttackSpec


@dataclass(frozen=True)
class Report:
    """A robust accuracy with its evidence.

    accuracy, correct, ci95 and survivors (bool, one a sample) are None where the attack's points failed
    verification; n samples; checks with name, status, value, limit.
    """

    accuracy: float | None
    correct: int | None
    n: int
    ci95: tuple[float, float] | None
    survivors: Tensor | None
    checks: list[Check]
    verdict: Verdict


def robust_accuracy(
    net: nn.Module,
    images: Tensor | np.ndarray,
    labels: Tensor | np.ndarray,
    attack: str | Attack | Perturb = "pgd",
    norm: str = "linf",
    eps: float = 1 / 255,
    *,
    audit: bool = False,
    source: nn.Module | None = None,
    ids: Tensor | None = None,
    seed: int = 0,
    batch_size: int = 250,
    **settings: Any,
) -> Report:
    """The share of samples that an attack of size eps leaves rightly classified.

        report = robust_accuracy(net, images, labels, attack="pgd", norm="l2", eps=0.25, steps=20)
        print(report.accuracy, report.ci95, report.verdict)

    ``attack``: "pgd", "suite" (the worst case over several attacks), "autoattack", … (see ``ATTACKS``), or a
    function of one's own: ``attack(net, x, y, threat, **settings)`` gives points like x (see ``Function``).
    ``audit``: run every check, with the attacks it takes; only then can the verdict of PGD or a suite be
    "reliable". ``source``: another model, whose adversarial points attack=transfer and the audit show to
    ``net``. ``ids``, ``seed``, ``batch_size``: see ``evaluate``. ``settings``: the attack's own, e.g. steps.

    Shapes: images (N, …) in [0, 1] or uint8, labels (N,), tensors or NumPy arrays; net gives logits (N, K).
    Raises ValueError, in one sentence, for what is not allowed.
    """
    images, labels = _tensor("images", images), _tensor("labels", labels)
    for name, module in (("net", net), ("source", source)):
        if not isinstance(module, nn.Module) and (name, module) != ("source", None):
            raise ValueError(
                f"{name} is a {type(module).__name__}; give a torch.nn.Module, which has a mode and a device."
            )
    spec = AttackSpec.of(attack, norm, eps, **settings)
    evaluation = evaluate(
        net, images, labels, [spec], ids=ids, seed=seed, batch_size=batch_size, audit=audit, source=source
    )
    (entry,) = evaluation.robust
    result = entry.result
    return Report(
        accuracy=None if result is None else result.accuracy,
        correct=None if result is None else result.correct,
        n=entry.n,
        ci95=None if result is None else result.ci95,
        survivors=entry.survivors,
        checks=evaluation.checks,
        verdict=entry.verdict,
    )


def _tensor(name: str, values: Any) -> Tensor:
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return torch.from_numpy(np.ascontiguousarray(values))
    if not isinstance(values, Tensor):
        raise ValueError(f"{name} are a {type(values).__name__}; give a tensor or a NumPy array of numbers.")
    return values
