"""The public way to one robust accuracy."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from bregman_exp.robustness.evaluation import evaluate
from bregman_exp.robustness.result import Check
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
    verdict: str


def robust_accuracy(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    attack: str = "pgd",
    norm: str = "linf",
    eps: float = 1 / 255,
    *,
    audit: bool = False,
    source: nn.Module | None = None,
    **settings: Any,
) -> Report:
    """The share of samples that an attack of size eps leaves rightly classified.

        report = robust_accuracy(net, images, labels, attack="pgd", norm="l2", eps=0.25, steps=20)
        print(report.accuracy, report.ci95, report.verdict)

    ``attack``: "pgd", "suite" (the worst case over several attacks), "autoattack", … (see ``ATTACKS``).
    ``audit``: run every check, with the attacks it takes; only then can the verdict of PGD or a suite be
    "reliable". ``source``: another model, whose adversarial points attack=transfer and the audit show to
    ``net``. ``settings``: steps, rel_step, restarts, random_start, loss, members, cls, parameters, … (see
    ``AttackSpec``), and ids, seed, batch_size (see ``evaluate``).

    Shapes: images (N, …) in [0, 1] or uint8, labels (N,). Raises ValueError for values that are not allowed.
    """
    of_harness = {key: settings.pop(key) for key in ("ids", "seed", "batch_size") if key in settings}
    spec = AttackSpec(attack, norm, eps, **settings)
    evaluation = evaluate(net, images, labels, [spec], audit=audit, source=source, **of_harness)
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
