"""A training step in the plainest form: what a loop without any framework does."""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Optimizer


def sgd(parameters: Iterable[Tensor]) -> Optimizer:
    """The recipe of the ResNets: lr 0.1, momentum 0.9, weight decay 1e-4."""
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-4)


def update(forward: Callable[[Tensor], Tensor], optimizer: Optimizer, x: Tensor, y: Tensor) -> None:
    """Forward pass, cross-entropy, backward pass, optimizer step."""
    optimizer.zero_grad()
    F.cross_entropy(forward(x), y).backward()
    optimizer.step()
