"""The adversary of a robust training: the points that a step trains on, and which samples resist."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attacks.loss import cross_entropy, input_gradient
from bregman_exp.robustness.attacks.pgd import PGD, is_right
from bregman_exp.robustness.isolation import evaluating
from bregman_exp.robustness.threat import Threat
from bregman_exp.robustness.victim import Victim

SMALL = 1e-3  # the standard deviation of the start of TRADES: at x itself the divergence has no gradient


@dataclass(frozen=True)
class TrainingAttack:
    """``steps`` steps of gradient ascent, each of ``rel_step`` · ε, projected onto ball and box.

    Points are the last iterates, as in the articles. The network is in eval mode while they are found, so
    batch normalisation uses its running statistics and does not collect those of the attack (Pang et al.,
    "Bag of Tricks for Adversarial Training", ICLR 2021; TRADES does the same). Only gradients of the inputs
    are computed. Starts are keyed by (seed, place), place being counters such as epoch and step.
    """

    threat: Threat
    steps: int
    rel_step: float
    seed: int

    def against_labels(self, model: nn.Module, x: Tensor, y: Tensor, place: tuple[int, ...]) -> Tensor:
        """x' that increases the cross-entropy at y, from a point uniform in the ball (Madry et al., 2018)."""
        noise = self.threat.batch_noise(x, generator(self.seed, f"pgd-at-{self.threat.norm}", *place))
        with _answering(model):
            return self._ascend(model, x, x + noise, lambda logits: cross_entropy(logits, y))

    def against_own_answer(self, model: nn.Module, x: Tensor, y: Tensor, place: tuple[int, ...]) -> Tensor:
        """x' that increases KL(f(x) ‖ f(x')), from x + 0.001 g with g normal (Zhang et al., 2019).

        f is the softmax of the logits. The labels are not used.
        """
        random = generator(self.seed, f"trades-{self.threat.norm}", *place)
        noise = SMALL * torch.randn(x.shape, generator=random).to(x)
        with _answering(model):
            # not without gradients: autocast may keep the weights it casts here for the training itself
            answer = F.log_softmax(model(x).float(), dim=1).detach()
            return self._ascend(model, x, x + noise, lambda logits: divergence(answer, logits))

    def still_right(self, model: nn.Module, x: Tensor, y: Tensor, ids: Tensor) -> Tensor:
        """Whether each sample is right at all iterates of PGD, (N,): the attack of the evaluation.

        Its noise is keyed by (seed, id), so that every epoch meets the same starts.
        """
        pgd = PGD(steps=self.steps, rel_step=self.rel_step)
        with evaluating(model) as used:
            points = pgd.find(Victim(used, self.seed), x, y, ids, self.threat).points
            with torch.no_grad():
                return is_right(used(points), y)

    def _ascend(
        self, model: nn.Module, x: Tensor, start: Tensor, losses: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The points after all steps. ``losses``: logits (N, K) -> (N,)."""
        points, step = self.threat.project(start, x), self.rel_step * self.threat.eps
        for _ in range(self.steps):
            points = points.detach().requires_grad_()
            increased = losses(model(points).float())
            with torch.autocast(x.device.type, enabled=False):  # backward computes in the types of forward
                gradient = input_gradient(increased, points)
            points = self.threat.project(points.detach() + step * self.threat.ascent(gradient), x)
        return points


def divergence(answer: Tensor, logits: Tensor) -> Tensor:
    """KL(p ‖ softmax(logits)) of each sample, (N,); ``answer``: log p, (N, K)."""
    return F.kl_div(F.log_softmax(logits, dim=1), answer, reduction="none", log_target=True).sum(dim=1)


@contextmanager
def _answering(model: nn.Module) -> Generator[None]:
    """The model in eval mode with gradients enabled; each submodule gets its own mode back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.enable_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
