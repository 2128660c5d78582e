"""Checks of what the gradient-based attacks see: the gradient at the input."""

from torch import Tensor

from bregman_exp.robustness.attacks.loss import LOSSES, input_gradient
from bregman_exp.robustness.result import Check, share_limit
from bregman_exp.robustness.samples import Samples

NO_GRADIENT = 0.01  # the share of samples that may have none
OF_LOSS = {"zero-gradient-ce": "ce-plain", "zero-gradient-margin": "margin"}


def gradient_checks(samples: Samples, right: Tensor, ids: tuple[str, ...]) -> list[Check]:
    """zero-gradient-ce, zero-gradient-margin: the share of the samples attacked (``right``, (N,)) whose
    gradient ∂loss/∂x is exactly 0 or not finite."""
    attacked = right.nonzero().flatten()
    if len(attacked) == 0 or not ids:
        return [Check.skipped(name, ids) for name in OF_LOSS]
    limit = share_limit(NO_GRADIENT, len(attacked))
    return [
        Check.at_most(name, ids, _share_without(samples, attacked, loss), limit)
        for name, loss in OF_LOSS.items()
    ]


def _share_without(samples: Samples, attacked: Tensor, loss: str) -> float:
    without = 0
    for index in attacked.split(samples.batch_size):
        x, y = samples.batch(index)
        points = x.requires_grad_()
        gradient = input_gradient(LOSSES[loss](samples.model(points), y), points).flatten(1)
        without += int(((gradient == 0).all(dim=1) | ~gradient.isfinite().all(dim=1)).sum())
    return without / len(attacked)
