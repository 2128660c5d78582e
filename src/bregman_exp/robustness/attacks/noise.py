"""Random noise: the weakest adversary, which does not use the model."""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import Attack, whole
from bregman_exp.robustness.attacks.loss import margin
from bregman_exp.robustness.threat import Threat, per_sample
from bregman_exp.robustness.victim import Victim


@dataclass(frozen=True)
class _Noise(Attack):
    """The point of largest margin among ``restarts`` points x + δ, projected onto ball and box.

    A margin that is not finite counts as the largest.
    """

    strength = 0

    restarts: int = whole(1)

    @torch.no_grad()
    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor:
        best, highest = x.clone(), x.new_full((len(x),), -torch.inf)
        for draw in range(self.restarts):
            points = threat.project(x + self.noise(x, ids, threat, victim.seed, draw), x)
            margins = margin(victim.model(points), y).nan_to_num(nan=torch.inf)
            better = margins > highest
            best[better], highest[better] = points[better], margins[better]
        return best

    @abstractmethod
    def noise(self, x: Tensor, ids: Tensor, threat: Threat, seed: int, draw: int) -> Tensor:
        """δ like x, keyed by the id of each sample."""


@dataclass(frozen=True)
class UniformNoise(_Noise):
    """δ uniform in the ball."""

    name = "uniform_noise"

    def noise(self, x: Tensor, ids: Tensor, threat: Threat, seed: int, draw: int) -> Tensor:
        return threat.noise(x, ids, seed, f"noise-{threat.norm}-{draw}")


@dataclass(frozen=True)
class GaussianNoise(_Noise):
    """δ = ε g / ‖g‖ with g normal, so that the norm of δ is ε."""

    name = "gaussian_noise"

    def noise(self, x: Tensor, ids: Tensor, threat: Threat, seed: int, draw: int) -> Tensor:
        keyed = (generator(seed, f"gaussian-noise-{draw}", int(i)) for i in ids)
        g = torch.stack([torch.randn(x.shape[1:], generator=random) for random in keyed]).to(x)
        return threat.eps * g / per_sample(threat.norm.size(g), x)
