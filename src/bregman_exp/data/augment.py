"""Random crop and flip of a batch, per sample, in one gather."""

import torch
import torch.nn.functional as F
from torch import Tensor


def random_crop_flip(x: Tensor, random: torch.Generator, padding: int = 4, flip: bool = True) -> Tensor:
    """Each image padded with zeros, cropped at its own place and flipped with probability ½.

    The random numbers come from a CPU generator, so every device gives the same images.

    Shapes: (N, C, H, W), uint8 or float -> the same.
    """
    n, channels, height, width = x.shape
    offsets = torch.randint(0, 2 * padding + 1, (2, n), generator=random)
    flipped = torch.rand(n, generator=random) < 0.5 if flip else torch.zeros(n, dtype=torch.bool)
    rows = offsets[0][:, None] + torch.arange(height)  # (N, H): row of the padded image for each output row
    columns = torch.arange(width).expand(n, width)
    columns = offsets[1][:, None] + torch.where(flipped[:, None], columns.flip(1), columns)  # (N, W)
    rows, columns = rows.to(x.device), columns.to(x.device)
    padded = F.pad(x, (padding,) * 4)
    sample = torch.arange(n, device=x.device)[:, None, None, None]
    channel = torch.arange(channels, device=x.device)[None, :, None, None]
    return padded[sample, channel, rows[:, None, :, None], columns[:, None, None, :]]
