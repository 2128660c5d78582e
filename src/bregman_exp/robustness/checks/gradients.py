"""Checks of what the gradient-based attacks see: the gradient at the input."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bregman_exp.robustness.attacks.loss import LOSSES, input_gradient, margin
from bregman_exp.robustness.checks.model import random_subset
from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.samples import Samples
from bregman_exp.robustness.threat import Threat
from bregman_exp.robustness.victim import Victim

NO_GRADIENT = 0.01  # the share of samples that may have none
LOOKED_AT = 64  # samples, for the slope
DISTANCES = (0.003, 0.03, 0.3)  # over ε: the first is where a gradient must hold, the last where a step lands
SLOPE = 0.1  # of the slope that the gradient promises, what must be there at the best of the distances
NO_SLOPE = 0.1  # the share of samples that may have less
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
        if entry.spec.attack.gradients:
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


def slope_checks(samples: Samples, right: Tensor, entries: Sequence[Robustness]) -> list[Check]:
    """gradient-is-slope: the share of at most 64 of the samples attacked at which the margin m does not rise
    along its gradient g.

    Along the direction d in which the threat's attacks step, (m(x + h d) − m(x − h d)) / 2h is compared with
    the promised ⟨g, d⟩, for h = 0.003 ε, 0.03 ε and 0.3 ε; the best of the three counts. A gradient that is 0
    promises nothing (see zero-gradient-margin). Entries that follow a surrogate's gradient are left out.
    """
    attacked = right.nonzero().flatten()
    seen: dict[Threat, list[str]] = {}
    for entry in entries:
        if entry.spec.attack.gradients and entry.spec.through is None and entry.spec.eps > 0:
            seen.setdefault(entry.spec.threat, []).append(entry.id)
    if len(attacked) == 0:
        return [Check.skipped("gradient-is-slope", tuple(ids)) for ids in seen.values()]
    index = attacked[random_subset(len(attacked), min(LOOKED_AT, samples.batch_size))]
    limit = share_limit(NO_SLOPE, len(index))
    return [
        Check.at_most("gradient-is-slope", tuple(ids), _share_without_slope(samples, index, threat), limit)
        for threat, ids in seen.items()
    ]


def _share_without_slope(samples: Samples, index: Tensor, threat: Threat) -> float:
    x, y = samples.batch(index)
    points = x.clone().requires_grad_()
    gradient = input_gradient(margin(samples.model(points), y), points)
    direction = threat.ascent(gradient)
    promised = (gradient * direction).flatten(1).sum(dim=1)
    best = torch.full_like(promised, -torch.inf)
    with torch.no_grad():
        for distance in DISTANCES:
            h = distance * threat.eps
            rise = margin(samples.model(x + h * direction), y) - margin(samples.model(x - h * direction), y)
            best = torch.maximum(best, (rise / (2 * h) / promised).nan_to_num(nan=-torch.inf))
    return float(((promised != 0) & ~(best >= SLOPE)).float().mean())
