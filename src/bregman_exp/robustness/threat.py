"""The threat model: what an adversary may do to an input."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bregman_exp.geometry import project_l2, project_linf
from bregman_exp.keyed_random import generator

NORMS = ("linf", "l2")
SIZES = "give a size in [0, 1], in units of data in [0, 1]"
TOLERANCE = 1e-6  # how far a verified point may leave box or ball: float32 rounding


@dataclass(frozen=True)
class Threat:
    """All points within ``eps`` of the input, in ``norm``, inside the box [0, 1].

    Shapes: inputs (N, …), the norm over all dimensions but the first; eps in units of data in [0, 1].

    Raises ValueError for an unknown norm and for eps below 0 or not finite.
    """

    norm: str
    eps: float

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise ValueError(f"norm={self.norm!r} is unknown; use one of {', '.join(NORMS)}.")
        if not 0 <= self.eps < float("inf"):
            raise ValueError(f"eps={self.eps} is not allowed; {SIZES}.")

    def project(self, moved: Tensor, x: Tensor) -> Tensor:
        """The point of the ball nearest to ``moved``, then of the box; x lies in it."""
        to_ball = project_linf if self.norm == "linf" else project_l2
        return to_ball(moved, x, self.eps).clamp(0, 1)

    def ascent(self, gradient: Tensor) -> Tensor:
        """The direction of steepest ascent of unit size: sign(g), or g / ‖g‖; 0 where the gradient is 0.

        A NaN stays one (its sign would be 0), so that the point fails verification instead of standing still.
        """
        if self.norm == "linf":
            return gradient.sign().where(~gradient.isnan(), gradient)
        # scaled first, so that squares of tiny gradients do not vanish
        per_sample = (-1,) + (1,) * (gradient.dim() - 1)
        scale = gradient.abs().flatten(1).amax(dim=1).view(per_sample)
        scaled = gradient / torch.where(scale > 0, scale, torch.ones_like(scale))
        length = scaled.flatten(1).norm(dim=1).view(per_sample)
        return scaled / torch.where(length > 0, length, torch.ones_like(length))

    def noise(self, x: Tensor, ids: Tensor, seed: int, stream: str) -> Tensor:
        """Points uniform in the ball around 0, each from its own sample's generator.

        A sample's noise follows from (seed, stream, id), not from the batch it is in.
        """
        drawn = [self._one_noise(x[0].shape, seed, stream, int(i)) for i in ids]
        return torch.stack(drawn).to(x) if drawn else torch.zeros_like(x)

    def _one_noise(self, shape: torch.Size, seed: int, stream: str, sample: int) -> Tensor:
        random = generator(seed, stream, sample)
        if self.norm == "linf":
            return (2 * torch.rand(shape, generator=random) - 1) * self.eps
        direction = torch.randn(shape, generator=random)
        radius = torch.rand((), generator=random) ** (1 / direction.numel())  # uniform in volume
        return direction / direction.norm() * radius * self.eps

    def violation(self, adversarial: Tensor, x: Tensor) -> Tensor:
        """How far each point leaves the box or the ball, (N,); infinite for a point that is not finite."""
        change = (adversarial.double() - x.double()).flatten(1)
        size = change.abs().amax(dim=1) if self.norm == "linf" else change.norm(dim=1)
        flat = adversarial.double().flatten(1)
        outside = torch.maximum(-flat.amin(dim=1), flat.amax(dim=1) - 1)
        worst = torch.maximum(size - self.eps, outside).clamp(min=0)
        return torch.where(flat.isfinite().all(dim=1), worst, torch.inf)
