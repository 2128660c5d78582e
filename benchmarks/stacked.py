"""Many networks of one shape trained in one step."""

import copy
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap


def stacked_step(nets: Sequence[nn.Module], lr: float) -> Callable[[Tensor, Tensor], Tensor]:
    """One step of plain SGD for each of the S networks; the sum of their losses has each one's gradient.

    Shapes of what the step takes: x (S, N, …), y (S, N) -> the losses before it (S,).
    """
    parameters, buffers = stack_module_state(list(nets))
    one = copy.deepcopy(nets[0])
    optimizer = torch.optim.SGD(parameters.values(), lr)

    def logits(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(one, (parameters, buffers), (x,), tie_weights=False)

    def step(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        found = vmap(logits)(parameters, buffers, x)  # (S, N, K)
        losses = F.cross_entropy(found.flatten(0, 1), y.flatten(), reduction="none").view(y.shape).mean(1)
        losses.sum().backward()
        optimizer.step()
        return losses.detach()

    return step
