"""Exact Euclidean projections: onto the probability simplex and onto balls."""

import torch
from torch import Tensor

from bregman_exp.geometry.precision import widen


def project_simplex(v: Tensor) -> Tensor:
    """argmin ‖w − v‖ over w ≥ 0 with Σw = 1, for each row of v (..., n) along the last dimension.

    w = max(v − τ, 0), where τ follows from the sorted row; differentiable almost everywhere. Half
    precision is computed in float32. Source: Held, Wolfe, Crowder, "Validation of subgradient
    optimization", 1974.
    """
    x = widen(v)
    x = x - x.amax(-1, keepdim=True).detach()  # a shift does not change the projection
    ordered = x.sort(dim=-1, descending=True).values
    excess = ordered.cumsum(-1) - 1
    count = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    support = (ordered * count > excess).sum(-1, keepdim=True)  # at least 1
    tau = excess.gather(-1, support - 1) / support
    return (x - tau).clamp(min=0).to(v.dtype)


def project_linf(x: Tensor, center: Tensor, eps: float) -> Tensor:
    """The point nearest to x with |x − center| ≤ eps in every coordinate; ValueError if eps < 0."""
    _check(eps)
    return x.clamp(center - eps, center + eps)


def project_l2(x: Tensor, center: Tensor, eps: float) -> Tensor:
    """The point nearest to x with ‖x − center‖₂ ≤ eps, per sample: x (N, ...), norm over all but N.

    A point inside is returned unchanged; the gradient is finite everywhere. Raises ValueError if eps < 0.
    """
    _check(eps)
    offset = x - center
    norm = torch.linalg.vector_norm(offset.unsqueeze(-1).flatten(1), dim=1)  # (N,)
    outside = norm > eps
    scale = eps / torch.where(outside, norm, torch.ones_like(norm))
    shape = (-1, *[1] * (x.ndim - 1))
    return torch.where(outside.view(shape), center + offset * scale.view(shape), x)


def _check(eps: float) -> None:
    if not eps >= 0:
        raise ValueError(f"eps={eps} is not the radius of a ball; it must be a number ≥ 0.")
