"""The Bregman divergence of a Legendre map."""

from torch import Tensor

from bregman_exp.geometry.legendre import LegendreMap


def bregman_divergence(legendre: LegendreMap, z: Tensor, z_prime: Tensor) -> Tensor:
    """D_Φ(z, z') = Φ(z) − Φ(z') − ⟨∇Φ(z'), z − z'⟩, summed over the last dimension.

    z and z' of shapes that broadcast to (..., n) in the range of ρ -> (...). Each term is at least 0 and
    is held there against rounding. Source: Bregman, 1967.
    """
    linear = legendre.inverse(z_prime) * (z - z_prime)
    return (legendre.potential(z) - legendre.potential(z_prime) - linear).clamp(min=0).sum(-1)
