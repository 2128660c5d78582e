"""Proximal maps."""

from torch import Tensor


def soft_threshold(w: Tensor, t: float) -> Tensor:
    """prox of t‖·‖₁: argmin_v t‖v‖₁ + ½‖v − w‖² = sign(w)·max(|w| − t, 0), elementwise.

    Raises ValueError if t < 0.
    """
    if not t >= 0:
        raise ValueError(f"t={t} is not a threshold: it must be 0 or above; pass a number ≥ 0.")
    return w - w.clamp(-t, t)
