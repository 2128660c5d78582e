"""Residual blocks: standard and Bregman, one class each, with one switch."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from bregman_exp.geometry import Activation
from bregman_exp.models.version import DualClamp

OfDual = Callable[[Tensor], Tensor]  # u ↦ ρ(u)
SplitOfDual = Callable[[Tensor], tuple[Tensor, Tensor]]  # u ↦ (ρ(u), what the skip carries)
EXPANSION = 4  # channels that leave a bottleneck, for each of ``channels``
SHORTCUTS = ("pad", "projection")
NORMS = ("batch", "group", "none")
MOST_GROUPS, FEWEST_CHANNELS = 32, 8  # of group normalisation: groups, and channels in each


class PadShortcut(nn.Module):
    """Subsample by ``stride`` and add ``extra`` constant channels before and after.

    In the dual space the constant is 0, which is ρ(0) in the primal one (the reference's option "E").

    Shapes: (N, C, H, W) -> (N, C + 2·extra, H/stride, W/stride).
    """

    def __init__(self, extra: int, value: float, stride: int = 2):
        super().__init__()
        self.extra, self.value, self.stride = extra, value, stride

    def forward(self, s: Tensor) -> Tensor:
        subsampled = F.avg_pool2d(s, 1, stride=self.stride)  # unlike a slice, with a channels-last gradient
        return F.pad(subsampled, (0, 0, 0, 0, self.extra, self.extra), value=self.value)


@dataclass(frozen=True)
class Parts:
    """What all blocks of a network share.

    ``norm``: "batch" or "group" after each convolution, or "none", where the convolutions have a bias.
    ``shortcut``: "pad" or "projection", where a block changes the shape; ``shortcut_name``: its name in the
    state dict.
    """

    act: Activation
    version: str
    clamp_dual: DualClamp
    norm: str = "batch"
    shortcut: str = "pad"
    shortcut_name: str = "shortcut"

    def convolution(
        self, in_channels: int, channels: int, size: int = 3, stride: int = 1, groups: int = 1
    ) -> nn.Conv2d:
        bias = self.norm == "none"
        padding = (size - 1) // 2
        return nn.Conv2d(
            in_channels, channels, size, stride=stride, padding=padding, groups=groups, bias=bias
        )

    def normalization(self, channels: int) -> nn.Module:
        if self.norm == "batch":
            return nn.BatchNorm2d(channels)
        if self.norm == "group":
            return nn.GroupNorm(min(MOST_GROUPS, max(1, channels // FEWEST_CHANNELS)), channels)
        return nn.Identity()

    def shortcut_module(self, in_channels: int, channels: int, stride: int) -> nn.Module:
        """The identity where the shape stays; else a projection, or padding with zeros in the dual space."""
        if stride == 1 and in_channels == channels:
            return nn.Identity()
        if self.shortcut == "projection":
            convolution = self.convolution(in_channels, channels, 1, stride)
            return nn.Sequential(convolution, self.normalization(channels))
        value = self.clamp_dual.zero if self.version == "bregman" else self.act.zero
        return PadShortcut((channels - in_channels) // 2, value, stride)


class Block(nn.Module, ABC):
    """A residual block in the dual variable u; z = ρ(u).

    With ``split`` u ↦ (ρ(u), s): s is z in a standard network and clamp(u) in a Bregman one, which equals its
    skip ρ⁻¹(clamp(z)), so no inverse is computed.

    Shapes: u (N, C, H, W) -> (N, C', H/stride, W/stride).
    """

    def __init__(self, parts: Parts):
        super().__init__()
        self.act, self.version, self.clamp_dual = parts.act, parts.version, parts.clamp_dual
        self.shortcut_name = parts.shortcut_name  # of a module that the subclass adds last

    @property
    def skip(self) -> nn.Module:
        """The shortcut: the identity, a projection or padding."""
        return getattr(self, self.shortcut_name)

    def split(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """(ρ(u), what the skip carries), in the plain form."""
        z = self.act.act(u)
        return z, self.clamp_dual(u) if self.version == "bregman" else z

    @abstractmethod
    def step(self, u: Tensor, split: SplitOfDual, act: OfDual) -> Tensor:
        """The next u, with this ``split`` and this ρ."""

    def forward(self, u: Tensor) -> Tensor:
        return self.step(u, self.split, self.act.act)


class BasicBlock(Block):
    """Two 3×3 convolutions, each followed by a normalisation; a skip over both, or over each of them.

    skips=1    u ← shortcut(s) + Conv2[ρ(Conv1[z])]
    skips=2    u ← shortcut(s) + Conv1[z],    then    u ← s + Conv2[z]    (the reference's "bis")
    """

    def __init__(self, parts: Parts, in_channels: int, channels: int, stride: int, skips: int = 1):
        super().__init__(parts)
        self.skips = skips
        shortcut = parts.shortcut_module(in_channels, channels, stride)
        self.conv1 = parts.convolution(in_channels, channels, stride=stride)
        self.bn1 = parts.normalization(channels)
        self.conv2 = parts.convolution(channels, channels)
        self.bn2 = parts.normalization(channels)
        self.add_module(self.shortcut_name, shortcut)

    def step(self, u: Tensor, split: SplitOfDual, act: OfDual) -> Tensor:
        z, s = split(u)
        inner, skipped = self.bn1(self.conv1(z)), self.skip(s)
        if self.skips == 1:
            return skipped + self.bn2(self.conv2(act(inner)))
        z, s = split(skipped + inner)
        return s + self.bn2(self.conv2(z))


class Bottleneck(Block):
    """1×1, 3×3 and 1×1 convolutions: u ← shortcut(s) + Conv3[ρ(Conv2[ρ(Conv1[z])])].

    Conv2 has the stride, as in torchvision. It has ``groups`` groups of channels · width_per_group / 64
    channels (ResNeXt: more groups; Wide ResNet: more channels in its one group). Four times ``channels``
    leave the block.
    """

    def __init__(
        self,
        parts: Parts,
        in_channels: int,
        channels: int,
        stride: int,
        groups: int = 1,
        width_per_group: int = 64,
    ):
        super().__init__(parts)
        width, out_channels = channels * width_per_group // 64 * groups, channels * EXPANSION
        shortcut = parts.shortcut_module(in_channels, out_channels, stride)
        self.conv1 = parts.convolution(in_channels, width, 1)
        self.bn1 = parts.normalization(width)
        self.conv2 = parts.convolution(width, width, 3, stride, groups)
        self.bn2 = parts.normalization(width)
        self.conv3 = parts.convolution(width, out_channels, 1)
        self.bn3 = parts.normalization(out_channels)
        self.add_module(self.shortcut_name, shortcut)

    def step(self, u: Tensor, split: SplitOfDual, act: OfDual) -> Tensor:
        z, s = split(u)
        inner = act(self.bn2(self.conv2(act(self.bn1(self.conv1(z))))))
        return self.skip(s) + self.bn3(self.conv3(inner))
