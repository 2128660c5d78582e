"""Checks of what the gradient-based attacks see: the gradient at the input."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from bregman_exp.robustness.attacks.loss import LOSSES, input_gradient
from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.samples import Samples
from bregman_exp.robustness.victim import Victim

NO_GRADIENT = 0.01  # the share of samples that may have none
OF_LOSS = {"zero-gradient-ce": "ce-plain", "zero-gradient-margin": "margin"}


def gradient_checks(
    samples: Samples, right: Tensor, victim: Victim, entries: Sequence[Robustness]
) -> list[Check]:
    """zero-gradient-ce, zero-gradient-margin: the share of the samples attacked (``right``, (N,)) whose
    gradient ∂loss/∂x, as the entry's attack sees it (its surrogate, its precision), is exactly 0 or not
    finite."""
    attacked = right.nonzero().flatten()
    seen: dict[tuple[str | None, str], list[str]] = {}
    for entry in entries:
        if entry.spec.kind.gradients:
            seen.setdefault((entry.spec.through, entry.spec.precision), []).append(entry.id)
    checks = []
    for (through, precision), ids in seen.items():
        if len(attacked) == 0:
            checks += [Check.skipped(name, tuple(ids)) for name in OF_LOSS]
            continue
        looked_at = samples if through is None else replace(samples, model=victim.twin(through))
        looked_at = looked_at.in_float64() if precision == "float64" else looked_at
        limit = share_limit(NO_GRADIENT, len(attacked))
        for name, loss in OF_LOSS.items():
            share = _share_without(looked_at, attacked, loss)
            checks.append(Check.at_most(name, tuple(ids), share, limit))
    return checks


def _share_without(samples: Samples, attacked: Tensor, loss: str) -> float:
    without = 0
    for index in attacked.split(samples.batch_size):
        x, y = samples.batch(index)
        points = x.requires_grad_()
        gradient = input_gradient(LOSSES[loss](samples.model(points), y), points).flatten(1)
        without += int(((gradient == 0).all(dim=1) | ~gradient.isfinite().all(dim=1)).sum())
    return without / len(attacked)
