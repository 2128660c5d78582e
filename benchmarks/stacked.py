"""Many networks of one shape trained in one step, as train.py's ``seeds=0..63`` does."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bregman_exp.training.stack import Stack


def stacked_step(nets: Sequence[nn.Module], lr: float) -> Callable[[Tensor, Tensor], Tensor]:
    """One step of plain SGD for each of the S networks; the sum of their losses has each one's gradient.

    Shapes of what the step takes: x (S, N, …), y (S, N) -> the losses before it (S,).
    """
    stack = Stack(nets)
    optimizer = torch.optim.SGD(stack.parameters(), lr)

    def step(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        each = F.cross_entropy(stack(x).flatten(0, 1), y.flatten(), reduction="none")
        losses = each.view(y.shape).mean(1)
        losses.sum().backward()
        optimizer.step()
        return losses.detach()

    return step
