"""Checks of the gradient at the input, which gradient-based attacks follow."""

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

NO_GRADIENT = 0.01  # the share of samples that may have no gradient
SLOPE_SAMPLES = 64
DISTANCES = (0.003, 0.03, 0.3)  # over ε: from where a gradient must hold to where a step ends
SLOPE = 0.1  # the least measured slope over the predicted one, at the best of the distances
NO_SLOPE = 0.1  # the share of samples that may have a smaller slope
OF_LOSS = {"zero-gradient-ce": "ce-plain", "zero-gradient-margin": "margin"}


def gradient_checks(
    samples: Samples, right: Tensor, victim: Victim, entries: Sequence[Robustness]
) -> list[Check]:
    """zero-gradient-ce and zero-gradient-margin: the share of attacked samples without a usable gradient.

    It counts the samples of ``right`` (N,) whose gradient ∂loss/∂x, with the surrogate and the precision of
    the entry's attack, is exactly 0 or not finite.
    """
    attacked = right.nonzero().flatten()
    ids_of: dict[tuple[str | None, str], list[str]] = {}
    for entry in entries:
        if entry.spec.attack.gradients:
            ids_of.setdefault((entry.spec.through, entry.spec.precision), []).append(entry.id)
    checks = []
    for (through, precision), ids in ids_of.items():
        if len(attacked) == 0:
            checks += [Check.skipped(name, tuple(ids)) for name in OF_LOSS]
            continue
        differentiated = samples if through is None else replace(samples, model=victim.surrogate(through))
        differentiated = differentiated.in_float64() if precision == "float64" else differentiated
        limit = share_limit(NO_GRADIENT, len(attacked))
        for name, loss in OF_LOSS.items():
            share = _share_without(differentiated, attacked, loss)
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
    """gradient-is-slope: the share of attacked samples whose margin m does not rise along its gradient g.

    Along the direction d of an attack's step, (m(x + h d) − m(x − h d)) / 2h is compared with the predicted
    ⟨g, d⟩ for h = 0.003 ε, 0.03 ε and 0.3 ε; the best of the three counts. At most 64 samples are tested.
    Samples with gradient 0 pass (see zero-gradient-margin). Entries that follow a surrogate's gradient are
    not checked.
    """
    attacked = right.nonzero().flatten()
    ids_of: dict[Threat, list[str]] = {}
    for entry in entries:
        if entry.spec.attack.gradients and entry.spec.through is None and entry.spec.eps > 0:
            ids_of.setdefault(entry.spec.threat, []).append(entry.id)
    if len(attacked) == 0:
        return [Check.skipped("gradient-is-slope", tuple(ids)) for ids in ids_of.values()]
    index = attacked[random_subset(len(attacked), min(SLOPE_SAMPLES, samples.batch_size))]
    limit = share_limit(NO_SLOPE, len(index))
    return [
        Check.at_most("gradient-is-slope", tuple(ids), _share_without_slope(samples, index, threat), limit)
        for threat, ids in ids_of.items()
    ]


def _share_without_slope(samples: Samples, index: Tensor, threat: Threat) -> float:
    x, y = samples.batch(index)
    points = x.clone().requires_grad_()
    gradient = input_gradient(margin(samples.model(points), y), points)
    direction = threat.ascent(gradient)
    predicted = (gradient * direction).flatten(1).sum(dim=1)
    best = torch.full_like(predicted, -torch.inf)
    with torch.no_grad():
        for distance in DISTANCES:
            h = distance * threat.eps
            rise = margin(samples.model(x + h * direction), y) - margin(samples.model(x - h * direction), y)
            best = torch.maximum(best, (rise / (2 * h) / predicted).nan_to_num(nan=-torch.inf))
    return float(((predicted != 0) & ~(best >= SLOPE)).float().mean())
