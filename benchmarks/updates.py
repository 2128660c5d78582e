"""Training steps without any framework: of one network, and of many networks stacked."""

from collections.abc import Callable, Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from bregman_exp.training.stack import Stack


def sgd(parameters: Iterable[Tensor]) -> Optimizer:
    """The recipe of the ResNets: lr 0.1, momentum 0.9, weight decay 1e-4."""
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-4)


def update(forward: Callable[[Tensor], Tensor], optimizer: Optimizer, x: Tensor, y: Tensor) -> None:
    """Forward pass, cross-entropy, backward pass, optimizer step."""
    optimizer.zero_grad()
    F.cross_entropy(forward(x), y).backward()
    optimizer.step()


def stacked_step(nets: Sequence[nn.Module], lr: float) -> Callable[[Tensor, Tensor], Tensor]:
    """A step of plain SGD for each of S networks of one shape, as train.py's ``seeds=0..63`` takes it.

    The gradient of the sum of their losses is each network's own gradient. The step's shapes: x (S, N, …),
    y (S, N) -> the losses before the step (S,).
    """
    stack = Stack(nets)
    optimizer = torch.optim.SGD(stack.parameters(), lr)

    def step(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        by_sample = F.cross_entropy(stack(x).flatten(0, 1), y.flatten(), reduction="none")
        losses = by_sample.view(y.shape).mean(1)
        losses.sum().backward()
        optimizer.step()
        return losses.detach()

    return step
