"""The caller's own function as an attack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import Attack
from bregman_exp.robustness.libraries import seed_everything
from bregman_exp.robustness.threat import Threat
from bregman_exp.robustness.victim import Victim

Perturb = Callable[..., Tensor]  # (model, x, y, threat, **parameters) -> points like x


@dataclass(frozen=True)
class Function(Attack):
    """``function(model, x, y, threat, **parameters)`` returns points like x, which are verified.

    It gets copies of x (N, …) in [0, 1] and y (N,); ``threat`` has norm, eps and ``project(points, x)``. The
    global random states of torch, NumPy and Python are seeded for each batch, from the seed and its first id.
    """

    name = "function"
    draws_by_batch = True

    function: Perturb
    parameters: Mapping[str, Any]

    @property
    def variant(self) -> tuple[str | None, ...]:
        """The name of the function, or of its type if it has none: function-my_attack."""
        return (getattr(self.function, "__name__", type(self.function).__name__).strip("<>"),)

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor:
        seed_everything(generator(victim.seed, self.label, int(ids[0])).initial_seed())
        points = self.function(victim.model, x.clone(), y.clone(), threat, **self.parameters)
        if not isinstance(points, Tensor) or points.shape != x.shape:
            returned = tuple(points.shape) if isinstance(points, Tensor) else type(points).__name__
            raise ValueError(f"{self.label} returns {returned}; it must return points {tuple(x.shape)}.")
        return points.detach().to(x)

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"function": self.variant[0]}
