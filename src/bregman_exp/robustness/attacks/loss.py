"""The losses that attacks increase, per sample."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bregman_exp.robustness.attack import Attack, one_of
from bregman_exp.robustness.victim import Victim

Loss = Callable[[Tensor, Tensor], Tensor]  # logits (N, K), labels (N,) -> (N,)

TINY = 1e-12  # the least denominator


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """log Σ_{k≠y} e^{z_k} − z_y: the cross-entropy −log softmax(z)_y before its softplus.

    It has the same directions of ascent and the same order, but does not saturate. In float32 the gradient of
    F.cross_entropy loses the true class at a lead of 17 and is 0 at a lead of 104, so that a confident model
    looks robust.
    """
    true = F.one_hot(y, logits.shape[1]).bool()
    return logits.masked_fill(true, -torch.inf).logsumexp(dim=1) - logits[true]


def plain_cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """−log softmax(z)_y, the loss of the libraries' attacks; it saturates, see ``cross_entropy``."""
    return F.cross_entropy(logits, y, reduction="none")


def rescaled_cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """``cross_entropy`` of z / s, where s is the standard deviation of the sample's logits, as a constant.

    The scale of the logits, which can hide gradients, cancels.
    """
    spread = logits.detach().std(dim=1, keepdim=True, correction=0).clamp(min=TINY)
    return cross_entropy(logits / spread, y)


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """max_{k≠y} z_k − z_y (Carlini & Wagner, 2017): positive where the sample is misclassified."""
    true = F.one_hot(y, logits.shape[1]).bool()
    return logits.masked_fill(true, -torch.inf).amax(dim=1) - logits[true]


def dlr(logits: Tensor, y: Tensor) -> Tensor:
    """(max_{k≠y} z_k − z_y) / (z_(1) − z_(3)), z_(i) the i-th largest: the difference of logits ratio.

    Raises ValueError with fewer than three classes. Source: Croce & Hein, "Reliable evaluation of
    adversarial robustness with an ensemble of diverse parameter-free attacks", ICML 2020.
    """
    if logits.shape[1] < NEEDS_CLASSES["dlr"]:
        raise ValueError(f"loss=dlr needs three classes, the model has {logits.shape[1]}; use loss=margin.")
    largest = logits.topk(3, dim=1).values
    return margin(logits, y) / (largest[:, 0] - largest[:, 2]).clamp(min=TINY)


def input_gradient(losses: Tensor, points: Tensor) -> Tensor:
    """∂ loss / ∂ point for each sample; 0 if the model passes no gradient."""
    if not losses.requires_grad:
        return torch.zeros_like(points)
    (gradient,) = torch.autograd.grad(losses.sum(), points, materialize_grads=True)
    return gradient


LOSSES: dict[str, Loss] = {
    "ce": cross_entropy,
    "margin": margin,
    "dlr": dlr,
    "ce-rescaled": rescaled_cross_entropy,
    "ce-plain": plain_cross_entropy,
}
NEEDS_CLASSES = {"dlr": 3}


@dataclass(frozen=True)
class Ascent(Attack):
    """An attack that increases a loss."""

    gradients = True

    loss: str = one_of(LOSSES, "ce")

    @property
    def variant(self) -> tuple[str | None, ...]:
        return (None if self.loss == "ce" else self.loss,)

    def check_fits(self, victim: Victim, classes: int) -> None:
        super().check_fits(victim, classes)
        if classes < NEEDS_CLASSES.get(self.loss, 2):
            raise ValueError(
                f"loss={self.loss} needs three classes, the model has {classes}; use loss=margin."
            )
