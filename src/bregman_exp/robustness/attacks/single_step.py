"""The fast gradient methods: one step of the whole ε from the clean point."""

from torch import Tensor, nn

from bregman_exp.robustness.attacks.loss import LOSSES, input_gradient
from bregman_exp.robustness.threat import Threat


def single_step(model: nn.Module, x: Tensor, y: Tensor, threat: Threat, *, loss: str = "ce") -> Tensor:
    """Π(x + ε d(∇loss)): FGSM for ℓ∞ (Goodfellow et al., 2015), FGM for ℓ2 (Miyato et al., 2017).

    Shapes: x (N, …) in [0, 1], y (N,) -> adversarial points like x.
    """
    points = x.detach().clone().requires_grad_()
    gradient = input_gradient(LOSSES[loss](model(points), y), points)
    return threat.project(x + threat.eps * threat.ascent(gradient), x)
