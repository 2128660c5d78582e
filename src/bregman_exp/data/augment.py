"""Random crop, and flip, of a batch, per sample."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

PADDING = 4  # pixels on each side


class Augmentation(NamedTuple):
    """Training images are padded with zeros and cropped at random; with ``flip`` half of them are mirrored.

    Digits must not be flipped.
    """

    flip: bool = True


class Crops(NamedTuple):
    """For each of n images (n,): top and left of the crop in the padded image, and whether it is flipped."""

    top: Tensor
    left: Tensor
    flipped: Tensor


def random_crop_flip(x: Tensor, random: torch.Generator, padding: int = PADDING, flip: bool = True) -> Tensor:
    """Each image padded with zeros, cropped at a random position and flipped with probability ½.

    The random numbers come from a CPU generator, so the result does not depend on the device.

    Shapes: (N, C, H, W), uint8 or float -> the same.
    """
    crops = draw_crops(len(x), random, padding, flip)
    return crop_flip(x, Crops(*(tensor.to(x.device) for tensor in crops)), padding)


def draw_crops(n: int, random: torch.Generator, padding: int = PADDING, flip: bool = True) -> Crops:
    """Crops uniform over the (2·padding + 1)² positions, on the CPU."""
    top, left = torch.randint(0, 2 * padding + 1, (2, n), generator=random)
    flipped = torch.rand(n, generator=random) < 0.5 if flip else torch.zeros(n, dtype=torch.bool)
    return Crops(top, left, flipped)


def crop_flip(x: Tensor, crops: Crops, padding: int = PADDING) -> Tensor:
    """The crops of the zero-padded images (N, C, H, W); x and crops on one device."""
    height, width = x.shape[2:]
    # every possible crop, as a view: (N, C, 2·padding + 1, 2·padding + 1, H, W)
    windows = F.pad(x, (padding,) * 4).unfold(2, height, 1).unfold(3, width, 1)
    sample = torch.arange(len(x), device=x.device)
    cropped = windows[sample, :, crops.top, crops.left]
    return torch.where(crops.flipped[:, None, None, None], cropped.flip(3), cropped)
