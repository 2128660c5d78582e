"""The threat model: what an adversary may do to an input."""

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from bregman_exp.geometry import project_l2, project_linf
from bregman_exp.keyed_random import generator

# as other tools write the norms
OTHER_SPELLINGS = {"inf": "linf", "l∞": "linf", "∞": "linf", "2": "l2", "l_2": "l2", "l_inf": "linf"}
# of a config, so that an 8 meant as 8/255 is noticed; the audit's ball around the whole box is larger in ℓ2
MAX_EPS = {"linf": 1.0, "l2": 5.0}
SIZES = "give a size in [0, 1], in units of data in [0, 1]"
TOLERANCE = 1e-6  # how far a verified point may be outside box or ball: float32 rounding


class Norm(StrEnum):
    """The norm of a perturbation; also as Linf, L2, inf, 2. ValueError for an unknown name."""

    LINF = "linf"
    L2 = "l2"

    @classmethod
    def _missing_(cls, value: object) -> "Norm":
        name = str(value).lower()
        name = OTHER_SPELLINGS.get(name, name)
        if name in tuple(cls):
            return cls(name)
        raise ValueError(f"norm={value!r} is unknown; use one of {', '.join(cls)}.")

    def size(self, change: Tensor) -> Tensor:
        """The norm of each sample's change (N, …) over all dimensions but the first, (N,)."""
        return change.flatten(1).norm(p=math.inf if self is Norm.LINF else 2, dim=1)

    def project(self, moved: Tensor, x: Tensor, eps: float) -> Tensor:
        """The point nearest to ``moved`` in the ball of radius ``eps`` around x."""
        return (project_linf if self is Norm.LINF else project_l2)(moved, x, eps)


@dataclass(frozen=True)
class Threat:
    """All points within ``eps`` of the input, in ``norm``, inside the box [0, 1].

    Shapes: inputs (N, …), the norm over all dimensions but the first; eps in units of data in [0, 1].

    Raises ValueError for an unknown norm, and for an eps that is not a number, below 0 or not finite.
    """

    norm: Norm
    eps: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", Norm(self.norm))
        if not is_number(self.eps):
            raise ValueError(
                f"eps={self.eps!r} is not a number; give a number in [0, 1], e.g. 0.03 or 8/255."
            )
        if not 0 <= self.eps < math.inf:
            raise ValueError(f"eps={self.eps} is not allowed; {SIZES}.")

    @classmethod
    def configured(cls, norm: object, eps: Any) -> "Threat":
        """The threat of a config, where eps is a number or a fraction such as "8/255".

        Raises ValueError for a norm that does not exist, and for an eps that is no number or not allowed.
        """
        threat = cls(Norm(norm), as_number(eps))
        most = MAX_EPS[threat.norm]
        if threat.eps > most:
            raise ValueError(
                f"eps={eps} is not allowed; give a size in [0, {most:g}], in units of data in [0, 1]."
            )
        return threat

    def project(self, moved: Tensor, x: Tensor) -> Tensor:
        """The projection of ``moved`` onto the ball around x, then onto the box."""
        return self.norm.project(moved, x, self.eps).clamp(0, 1)

    def ascent(self, gradient: Tensor) -> Tensor:
        """The unit direction of steepest ascent: sign(g) for ℓ∞, g / ‖g‖ for ℓ2; 0 where the gradient is 0.

        A NaN stays a NaN (its sign would be 0), so that the point fails verification.
        """
        if self.norm is Norm.LINF:
            return gradient.sign().where(~gradient.isnan(), gradient)
        # Scale first, so that the squares of tiny gradients do not underflow.
        scale = per_sample(gradient.abs().flatten(1).amax(dim=1), gradient)
        scaled = gradient / torch.where(scale > 0, scale, torch.ones_like(scale))
        length = per_sample(Norm.L2.size(scaled), scaled)
        return scaled / torch.where(length > 0, length, torch.ones_like(length))

    def noise(self, x: Tensor, ids: Tensor, seed: int, stream: str) -> Tensor:
        """Points uniform in the ball around 0.

        The noise of a sample depends on (seed, stream, id), not on its batch.
        """
        noise = [self._sample_noise(x[0].shape, seed, stream, int(i)) for i in ids]
        return torch.stack(noise).to(x) if noise else torch.zeros_like(x)

    def _sample_noise(self, shape: torch.Size, seed: int, stream: str, sample: int) -> Tensor:
        random = generator(seed, stream, sample)
        if self.norm is Norm.LINF:
            return (2 * torch.rand(shape, generator=random) - 1) * self.eps
        direction = torch.randn(shape, generator=random)
        radius = torch.rand((), generator=random) ** (1 / direction.numel())  # uniform in volume
        return direction / direction.norm() * radius * self.eps

    def batch_noise(self, x: Tensor, random: torch.Generator) -> Tensor:
        """As ``noise``, from a single generator: faster, but a sample's noise depends on its batch."""
        n = len(x)
        if self.norm is Norm.LINF:
            return ((2 * torch.rand(x.shape, generator=random) - 1) * self.eps).to(x)
        direction = torch.randn(x.shape, generator=random)
        radius = (
            torch.rand(n, generator=random) ** (1 / max(1, direction[0].numel())) if n else x.new_zeros(0)
        )
        return (direction * per_sample(radius / Norm.L2.size(direction), direction) * self.eps).to(x)

    def violation(self, adversarial: Tensor, x: Tensor) -> Tensor:
        """How far each point is outside box or ball, (N,); infinite for a point that is not finite."""
        size = self.norm.size(adversarial.double() - x.double())
        flat = adversarial.double().flatten(1)
        outside = torch.maximum(-flat.amin(dim=1), flat.amax(dim=1) - 1)
        worst = torch.maximum(size - self.eps, outside).clamp(min=0)
        return torch.where(flat.isfinite().all(dim=1), worst, torch.inf)


def per_sample(values: Tensor, x: Tensor) -> Tensor:
    """A value per sample, (N,), reshaped to broadcast over x (N, …)."""
    return values.view((-1,) + (1,) * (x.dim() - 1))


def as_number(eps: Any) -> float:
    """A number, or the value of a fraction such as "8/255"; ValueError for anything else."""
    if is_number(eps):
        return eps
    try:
        above, _, below = eps.partition("/")
        return float(Fraction(above.strip()) / Fraction(below.strip() or 1))
    except (AttributeError, ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(
            f"eps={eps!r} is not a number; give a number in [0, 1], e.g. 0.03 or 8/255."
        ) from None


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
