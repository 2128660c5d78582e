"""What a training step minimises in place of the cross-entropy of clean samples.

``squared_error`` is another loss of clean samples. A robust ``Objective`` looks at other points; how they are
found is not known here: an objective is given a function for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

Place = tuple[int, ...]  # epoch, step, part of the step, process: the key of its random numbers
FindPoints = Callable[[nn.Module, Tensor, Tensor, Place], Tensor]  # model, x, y, place -> x' like x
StillRight = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]  # model, x, y, ids (N,) -> bool (N,)

Loss = Callable[..., Tensor]  # logits (N, K), y (N,), reduction "mean" or "none" -> mean loss, or losses (N,)


def squared_error(logits: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """(f(x) − v_y)² of a network with one output f: regression of the value v_y of the class.

    Such a network (``models/nearest_value.py``) gives the logits −(f(x) − v_k)², and this is −logit_y. So the
    predicted class is the one with the nearest value, and accuracy, attacks and checks, which take logits,
    hold for it as for any classifier.
    """
    return F.nll_loss(logits, y, reduction=reduction)


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
