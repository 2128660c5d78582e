"""S networks of one shape as one module, whose parameters and buffers have a row for each."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn.utils import parametrizations, parametrize


class Stack(nn.Module):
    """S networks of one shape; every parameter and buffer of ``one`` has a first dimension S.

    The name ``one`` is part of the parameters' names in a stack's checkpoint.
    Shapes: x (S, N, …) -> logits (S, N, K), each row by its own network.
    """

    def __init__(self, models: Sequence[nn.Module]):
        super().__init__()
        self.template = with_plain_weight_norm(copy.deepcopy(models[0]))
        parameters, buffers = stack_module_state(list(models))
        for name, parameter in self.template.named_parameters():
            parameter.data = parameters[name].detach()
        for name, buffer in self.template.named_buffers():
            buffer.data = buffers[name]

    def forward(self, x: Tensor) -> Tensor:
        tensors = dict(self.template.named_parameters()) | dict(self.template.named_buffers())
        return torch.vmap(self._row)(tensors, x)

    def _row(self, tensors: dict[str, Tensor], x: Tensor) -> Tensor:
        # tie_weights would search for tied weights in every call: half a millisecond for a hundred layers
        return functional_call(self.template, tensors, (x,), tie_weights=False)

    def hidden_weights(self) -> list[Tensor]:
        """The stacked weights that the ℓ1 proximal step acts on, elementwise."""
        return getattr(self.template, "hidden_weights", list)()


def take_rows(content: Any, rows: list[int] | int) -> Any:
    """The content with every tensor (S, …) replaced by ``tensor[rows]``; dicts and lists are entered.

    A tensor without dimensions (Adam's count of steps) belongs to all rows and stays, as numbers do.
    """
    if isinstance(content, Tensor):
        return content[rows] if content.dim() else content
    if isinstance(content, dict):
        return {key: take_rows(value, rows) for key, value in content.items()}
    if isinstance(content, list):
        return [take_rows(value, rows) for value in content]
    return content


class PlainWeightNorm(nn.Module):
    """Weight normalisation W = g v/‖v‖, the norm over all dimensions but ``dim``, as torch computes it.

    torch has a single operation for it, which vmap (torch 2.15) calls row by row, with a warning.
    """

    def __init__(self, dim: int):
        super().__init__()
        self.dim = dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        others = [dim for dim in range(v.dim()) if dim != self.dim]
        return v * (g / torch.linalg.vector_norm(v, dim=others, keepdim=True))


def with_plain_weight_norm(model: nn.Module) -> nn.Module:
    """Replaces torch's weight normalisation in the model by ``PlainWeightNorm``, in place.

    Names and parameters stay.
    """
    for chain in model.modules():
        if isinstance(chain, parametrize.ParametrizationList):
            for place, step in enumerate(chain):
                if isinstance(step, parametrizations._WeightNorm):  # pyright: ignore[reportPrivateUsage]
                    chain[place] = PlainWeightNorm(step.dim)
    return model
