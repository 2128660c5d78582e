"""An epoch's batches as one gather each, from images and a plan that lie on the device."""

import torch
import torch.nn.functional as F
from torch import Tensor

from bregman_exp.data.augment import PADDING, draw_crops
from bregman_exp.data.dataset import Split, as_unit
from bregman_exp.keyed_random import generator


class PaddedImages:
    """The images of a split on a device, with a margin of zeros: (N, H + 2p, W + 2p, C) uint8, p = 4.

    Every crop of every image is then one gather; all networks of a training share them.
    """

    def __init__(self, split: Split, device: torch.device):
        padded = F.pad(split.x, (PADDING,) * 4)
        self.x = padded.permute(0, 2, 3, 1).contiguous().to(device)  # channels last: a crop is read in rows
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
        taken = self.x[sample[:, None, None], rows[:, :, None], columns[:, None, :]]  # (n, H, W, C)
        return taken.permute(0, 3, 1, 2).contiguous()


class PlannedBatches:
    """The batches of one seed, as ``EpochLoader`` gives them with ``shuffle=True``, bit for bit.

    ``begin`` draws the order and the crops of an epoch and copies them to the device, into tensors that stay
    where they are; ``at`` then needs nothing of the host, so that a CUDA graph can hold it.
    """

    def __init__(self, images: PaddedImages, batch_size: int, *, augment: bool, seed: int):
        self.images, self.batch_size, self.augment, self.seed = images, batch_size, augment, seed
        n, device = len(images), images.y.device
        self.sizes = [min(batch_size, n - start) for start in range(0, n, batch_size)]
        self.sample = torch.zeros(n, dtype=torch.int64, device=device)
        self.top = torch.full((n,), PADDING, device=device)  # of the image itself: no crop
        self.left = self.top.clone()
        self.flipped = torch.zeros(n, dtype=torch.bool, device=device)

    def begin(self, epoch: int) -> None:
        """Loads what the epoch holds."""
        order = torch.randperm(len(self.images), generator=generator(self.seed, "shuffle", epoch))
        self.sample.copy_(order, non_blocking=True)
        if not self.augment:
            return
        random = generator(self.seed, "augment", epoch, 0)
        drawn = [draw_crops(size, random) for size in self.sizes]
        for held, parts in zip((self.top, self.left, self.flipped), zip(*drawn, strict=True), strict=True):
            held.copy_(torch.cat(parts), non_blocking=True)

    def at(self, place: Tensor) -> tuple[Tensor, Tensor]:
        """(x in [0, 1] (n, C, H, W), y (n,)) at these places (n,) of the epoch's order."""
        sample = self.sample[place]
        x = self.images.crops(sample, self.top[place], self.left[place], self.flipped[place])
        return as_unit(x), self.images.y[sample]
