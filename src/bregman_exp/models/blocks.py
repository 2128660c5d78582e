"""Residual blocks: standard and Bregman, one class each, with one switch."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bregman_exp.geometry.clamping import Number
from bregman_exp.models.layer_map import LayerMap, LayerMaps

OfDual = Callable[[LayerMap, Tensor], Tensor]  # (ρ, u) ↦ ρ(u)
SplitOfDual = Callable[[LayerMap, Tensor], tuple[Tensor, Tensor]]  # (ρ, u) ↦ (ρ(u), what the skip carries)
EXPANSION = 4  # channels that leave a bottleneck, for each of ``channels``
SHORTCUTS = ("pad", "projection")
NORMS = ("batch", "group", "none")
MOST_GROUPS, FEWEST_CHANNELS = 32, 8  # of group normalisation: groups, and channels in each


class PadShortcut(nn.Module):
    """Subsample by ``stride`` and add ``extra`` constant channels before and after.

    In the dual space the constant is 0, which is ρ(0) in the primal one (the reference's option "E").

    Shapes: (N, C, H, W) -> (N, C + 2·extra, H/stride, W/stride).
    """

    def __init__(self, extra: int, stride: int = 2):
        super().__init__()
        self.extra, self.stride = extra, stride

    def forward(self, s: Tensor, value: Number) -> Tensor:
        subsampled = F.avg_pool2d(s, 1, stride=self.stride)  # unlike a slice, with a channels-last gradient
        if not isinstance(value, Tensor):
            return F.pad(subsampled, (0, 0, 0, 0, self.extra, self.extra), value=value)
        n, _, height, width = subsampled.shape
        padding = value.to(s.dtype).expand(n, self.extra, height, width)
        return torch.cat((padding, subsampled, padding), dim=1)


@dataclass(frozen=True)
class Parts:
    """What all blocks of a network share.

    ``norm``: "batch" or "group" after each convolution, or "none", where the convolutions have a bias.
    ``shortcut``: "pad" or "projection", where a block changes the shape; ``shortcut_name``: its name in the
    state dict.
    """

    maps: LayerMaps
    version: str
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
        return PadShortcut((channels - in_channels) // 2, stride)


class Block(nn.Module, ABC):
    """A residual block in the dual variable u; z = ρ(u).

    With ``split`` u ↦ (ρ(u), s): s is z in a standard network and clamp(u) in a Bregman one, which equals its
    skip ρ⁻¹(clamp(z)), so no inverse is computed. ``rho`` is the map of the u that enters the block, ``rho1``
    and ``rho2`` are those of what its first and second convolution give; they may be one module.

    Shapes: u (N, C, H, W) -> (N, C', H/stride, W/stride).
    """

    def __init__(self, parts: Parts, in_channels: int):
        super().__init__()
        self.version, self.rho = parts.version, parts.maps.of_layer(in_channels)
        self.shortcut_name = parts.shortcut_name  # of a module that the subclass adds last

    @property
    def skip(self) -> nn.Module:
        """The shortcut: the identity, a projection or padding."""
        return getattr(self, self.shortcut_name)

    def split(self, rho: LayerMap, u: Tensor) -> tuple[Tensor, Tensor]:
        """(ρ(u), what the skip carries), in the plain form."""
        z = rho(u)
        return z, rho.clamp_dual(u) if self.version == "bregman" else z

    def skipped(self, s: Tensor) -> Tensor:
        """The shortcut of what the skip carries."""
        if not isinstance(self.skip, PadShortcut):
            return self.skip(s)
        return self.skip(s, self.rho.clamp_dual.zero if self.version == "bregman" else self.rho.zero)

    @abstractmethod
    def step(self, u: Tensor, split: SplitOfDual, act: OfDual) -> Tensor:
        """The next u, with this ``split`` and this ρ."""

    def forward(self, u: Tensor) -> Tensor:
        return self.step(u, self.split, value)


def value(rho: LayerMap, u: Tensor) -> Tensor:
    """ρ(u), in the plain form."""
    return rho(u)


class BasicBlock(Block):
    """Two 3×3 convolutions, each followed by a normalisation; a skip over both, or over each of them.

    skips=1    u ← shortcut(s) + Conv2[ρ(Conv1[z])]
    skips=2    u ← shortcut(s) + Conv1[z],    then    u ← s + Conv2[z]    (the reference's "bis")
    """

    def __init__(self, parts: Parts, in_channels: int, channels: int, stride: int, skips: int = 1):
        super().__init__(parts, in_channels)
        self.skips, self.rho1 = skips, parts.maps.of_layer(channels)
        shortcut = parts.shortcut_module(in_channels, channels, stride)
        self.conv1 = parts.convolution(in_channels, channels, stride=stride)
        self.bn1 = parts.normalization(channels)
        self.conv2 = parts.convolution(channels, channels)
        self.bn2 = parts.normalization(channels)
        self.add_module(self.shortcut_name, shortcut)

    def step(self, u: Tensor, split: SplitOfDual, act: OfDual) -> Tensor:
        z, s = split(self.rho, u)
        inner, skipped = self.bn1(self.conv1(z)), self.skipped(s)
        if self.skips == 1:
            return skipped + self.bn2(self.conv2(act(self.rho1, inner)))
        z, s = split(self.rho1, skipped + inner)
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
        super().__init__(parts, in_channels)
        width, out_channels = channels * width_per_group // 64 * groups, channels * EXPANSION
        self.rho1, self.rho2 = parts.maps.of_layer(width), parts.maps.of_layer(width)
        shortcut = parts.shortcut_module(in_channels, out_channels, stride)
        self.conv1 = parts.convolution(in_channels, width, 1)
        self.bn1 = parts.normalization(width)
        self.conv2 = parts.convolution(width, width, 3, stride, groups)
        self.bn2 = parts.normalization(width)
        self.conv3 = parts.convolution(width, out_channels, 1)
        self.bn3 = parts.normalization(out_channels)
        self.add_module(self.shortcut_name, shortcut)

    def step(self, u: Tensor, split: SplitOfDual, act: OfDual) -> Tensor:
        z, s = split(self.rho, u)
        inner = act(self.rho2, self.bn2(self.conv2(act(self.rho1, self.bn1(self.conv1(z))))))
        return self.skipped(s) + self.bn3(self.conv3(inner))
