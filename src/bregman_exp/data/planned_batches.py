"""The batches of an epoch for CUDA graphs: each is one gather from images and random choices on the device.

ResNets on a GPU train on these. They are the batches of ``loader.py``, bit for bit.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from bregman_exp.data.augment import PADDING, Augmentation, draw_crops
from bregman_exp.data.dataset import Split, as_unit
from bregman_exp.keyed_random import generator


class PaddedImages:
    """The images of a split on a device, padded with zeros: (N, H + 2p, W + 2p, C) uint8, p = 4.

    A batch of crops is one gather. All networks of a training share the images.
    """

    def __init__(self, split: Split, device: torch.device):
        padded = F.pad(split.x, (PADDING,) * 4)
        self.x = padded.permute(0, 2, 3, 1).contiguous().to(device)  # channels last: rows are contiguous
        self.y = split.y.to(device)
        height, width = split.x.shape[2:]
        self.rows = torch.arange(height, device=device)
        self.columns = torch.arange(width, device=device)

    def __len__(self) -> int:
        return len(self.y)

    def crops(self, sample: Tensor, top: Tensor, left: Tensor, flipped: Tensor) -> Tensor:
        """The crops (n, C, H, W) of these samples; all arguments (n,), flipped bool, the others int64."""
        rows = top[:, None] + self.rows  # (n, H)
        columns = left[:, None] + torch.where(flipped[:, None], self.columns.flip(0), self.columns)  # (n, W)
        crops = self.x[sample[:, None, None], rows[:, :, None], columns[:, None, :]]  # (n, H, W, C)
        return crops.permute(0, 3, 1, 2).contiguous()


class PlannedBatches:
    """The batches of one seed, bit for bit those of ``EpochLoader`` with ``shuffle=True``.

    ``begin`` draws the order and the crops of an epoch and copies them into the same device tensors each
    time. ``at`` then uses only the device, so a CUDA graph can capture it.
    """

    def __init__(self, images: PaddedImages, batch_size: int, *, augment: Augmentation | None, seed: int):
        self.images, self.batch_size, self.augment, self.seed = images, batch_size, augment, seed
        n, device = len(images), images.y.device
        self.sizes = [min(batch_size, n - start) for start in range(0, n, batch_size)]
        self.sample = torch.zeros(n, dtype=torch.int64, device=device)
        self.top = torch.full((n,), PADDING, device=device)  # where the image begins: no crop
        self.left = self.top.clone()
        self.flipped = torch.zeros(n, dtype=torch.bool, device=device)

    def begin(self, epoch: int) -> None:
        """Draws the order and the crops of the epoch."""
        order = torch.randperm(len(self.images), generator=generator(self.seed, "shuffle", epoch))
        self.sample.copy_(order, non_blocking=True)
        if self.augment is None:
            return
        random = generator(self.seed, "augment", epoch, 0)
        crops = [draw_crops(size, random, flip=self.augment.flip) for size in self.sizes]
        for tensor, parts in zip((self.top, self.left, self.flipped), zip(*crops, strict=True), strict=True):
            tensor.copy_(torch.cat(parts), non_blocking=True)

    def at(self, place: Tensor) -> tuple[Tensor, Tensor]:
        """(x in [0, 1] (n, C, H, W), y (n,)) at these positions (n,) of the epoch's order."""
        sample = self.sample[place]
        x = self.images.crops(sample, self.top[place], self.left[place], self.flipped[place])
        return as_unit(x), self.images.y[sample]
