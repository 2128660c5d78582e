"""What an attack makes large, per sample."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]  # logits (N, K), labels (N,) -> (N,)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """log Σ_{k≠y} e^{z_k} − z_y: the cross-entropy −log softmax(z)_y before its softplus.

    The same directions of ascent and the same order, but no saturation: in float32 the gradient of
    F.cross_entropy forgets the true class where that leads by 17 and is 0 where it leads by 104, so that
    a confident model looks robust.
    """
    true = F.one_hot(y, logits.shape[1]).bool()
    return logits.masked_fill(true, -torch.inf).logsumexp(dim=1) - logits[true]


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """max_{k≠y} z_k − z_y (Carlini & Wagner, 2017): positive where the sample is misclassified."""
    true = F.one_hot(y, logits.shape[1]).bool()
    return logits.masked_fill(true, -torch.inf).amax(dim=1) - logits[true]


LOSSES: dict[str, Loss] = {"ce": cross_entropy, "margin": margin}
