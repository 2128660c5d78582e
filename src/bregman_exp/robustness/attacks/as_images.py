"""Points shown as images, which the libraries' attacks insist on."""

import torch
from torch import Tensor, nn


class AsImages(nn.Module):
    """The model behind a view of its inputs (N, …) as images: (N, d, 1, 1) where they are none."""

    def __init__(self, model: nn.Module, shape: torch.Size):
        super().__init__()
        self.model, self.shape = model, shape

    def image(self, x: Tensor) -> Tensor:
        return x if x.dim() == 4 else x.reshape(len(x), -1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.reshape(-1, *self.shape))
