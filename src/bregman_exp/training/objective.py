"""Robust objectives: what a training step minimises in place of the cross-entropy of clean samples.

How points are found is not known here: an objective is given a function for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

Place = tuple[int, ...]  # epoch, step, part of the step, process: the key of its random numbers
FindPoints = Callable[[nn.Module, Tensor, Tensor, Place], Tensor]  # model, x, y, place -> x' like x
StillRight = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]  # model, x, y, ids (N,) -> bool (N,)


@dataclass(frozen=True)
class Objective(ABC):
    """``find_points``: the adversary. ``still_right``: which samples resist it, for validation.

    Neither changes modes, buffers or gradients of the model.
    """

    find_points: FindPoints
    still_right: StillRight

    @abstractmethod
    def loss(self, model: nn.Module, x: Tensor, y: Tensor, place: Place) -> tuple[Tensor, Tensor]:
        """The mean loss of a batch, and the logits (N, K) that the training accuracy is of."""


@dataclass(frozen=True)
class PgdAt(Objective):
    """CE(f(x'), y), with x' where the adversary increases it; the accuracy is that at x'.

    Source: Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018.
    """

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, place: Place) -> tuple[Tensor, Tensor]:
        logits = model(self.find_points(model, x, y, place))
        return F.cross_entropy(logits, y), logits


@dataclass(frozen=True)
class Trades(Objective):
    """CE(f(x), y) + β KL(f(x) ‖ f(x')), with x' where the adversary increases the divergence.

    Both terms pass their gradients through f(x); the accuracy is that at x. The clean samples and the points
    are two batches, of which each is normalised by its own statistics, as in the authors' code.
    Source: Zhang et al., "Theoretically Principled Trade-off between Robustness and Accuracy", ICML 2019.
    """

    beta: float

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, place: Place) -> tuple[Tensor, Tensor]:
        points = self.find_points(model, x, y, place)
        logits = model(x)
        answer, moved = (F.log_softmax(z.float(), dim=1) for z in (logits, model(points)))
        divergence = F.kl_div(moved, answer, reduction="batchmean", log_target=True)
        return F.cross_entropy(logits, y) + self.beta * divergence, logits
