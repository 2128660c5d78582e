"""Mixtures of points: of values, and of the logarithms of positive distances."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def mixture(z: Tensor, R: Tensor) -> Tensor:
    """R z: z (..., n_in), R (n_out, n_in) -> (..., n_out), in the dtype of z even under autocast."""
    with torch.autocast(z.device.type, enabled=False):
        return F.linear(z, R)


def log_mixture(logs: Tensor, R: Tensor) -> Tensor:
    """log(R exp(logs)): logs (..., n_in), R (n_out, n_in) with rows on the simplex -> (..., n_out).

    Each row is scaled by its largest term with a positive weight. A weight of exactly 0 does not change the
    value, and its gradient is finite: exact up to a quarter of the dtype's exponent range, cut off above.
    """
    limits = torch.finfo(logs.dtype)
    logs = logs.unsqueeze(-2)  # (..., 1, n_in)
    outside = torch.full((), -math.inf, dtype=logs.dtype, device=logs.device)
    top = torch.where(limits.tiny < R, logs, outside).amax(-1, keepdim=True).detach()  # (..., n_out, 1)
    # A term below e^−75 is negligible, but exp would take a slow path.
    scaled = (logs - top).clamp(-75.0, math.log(limits.max) / 4).exp()
    return (R * scaled).sum(-1).log() + top.squeeze(-1)
