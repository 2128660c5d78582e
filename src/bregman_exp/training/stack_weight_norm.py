"""Weight normalisation in operations that torch.vmap knows."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize


class PlainWeightNorm(nn.Module):
    """W = g v/‖v‖ with the norm over all dimensions but ``dim``, as torch's own.

    That is one operation, which vmap (torch 2.15) calls once a row, with a warning.
    """

    def __init__(self, dim: int):
        super().__init__()
        self.dim = dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        others = [dim for dim in range(v.dim()) if dim != self.dim]
        return v * (g / torch.linalg.vector_norm(v, dim=others, keepdim=True))


def with_plain_weight_norm(model: nn.Module) -> nn.Module:
    """The model, in which this takes the place of torch's; names and parameters stay."""
    for chain in model.modules():
        if isinstance(chain, parametrize.ParametrizationList):
            for place, step in enumerate(chain):
                if isinstance(step, parametrizations._WeightNorm):  # pyright: ignore[reportPrivateUsage]
                    chain[place] = PlainWeightNorm(step.dim)
    return model
