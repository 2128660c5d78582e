"""The fast gradient methods: a single step of size ε from the clean point."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bregman_exp.robustness.attacks.loss import LOSSES, Ascent, input_gradient
from bregman_exp.robustness.threat import Norm, Threat
from bregman_exp.robustness.victim import Victim


@dataclass(frozen=True)
class _SingleStep(Ascent):
    """Π(x + ε d(∇loss))."""

    strength = 1
    steps: ClassVar[int] = 1
    restarts: ClassVar[int] = 1

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor:
        points = x.detach().clone().requires_grad_()
        gradient = input_gradient(LOSSES[self.loss](victim.model(points), y), points)
        return threat.project(x + threat.eps * threat.ascent(gradient), x)


class FGSM(_SingleStep):
    """For ℓ∞ (Goodfellow et al., 2015)."""

    name, norms = "fgsm", (Norm.LINF,)


class FGM(_SingleStep):
    """For ℓ2 (Miyato et al., 2017)."""

    name, norms = "fgm", (Norm.L2,)
