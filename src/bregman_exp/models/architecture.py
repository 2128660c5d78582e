"""The shapes of ResNets by depth: stages, stem, names in the state dict, initial weights."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from bregman_exp.models.blocks import EXPANSION, BasicBlock, Block, Bottleneck, Parts

CIFAR_DEPTHS = (20, 32, 44, 56, 110, 1202)
BASIC = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}  # blocks of each stage
BOTTLENECK = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
DEPTHS = (*CIFAR_DEPTHS, *BASIC, *BOTTLENECK)
STEMS = {"cifar": (3, 1), "imagenet": (7, 2)}  # kernel size and stride of the first convolution


@dataclass(frozen=True)
class Architecture:
    """``blocks`` and ``channels``: of each stage. ``pools``: a max-pooling follows the first convolution.

    ``stem``: kernel size and stride of the first convolution. ``torchvision``: names and initial weights are
    torchvision's, else those of the CIFAR family.
    """

    blocks: tuple[int, ...]
    channels: tuple[int, ...]
    stem: tuple[int, int]
    pools: bool = False
    torchvision: bool = False
    bottleneck: bool = False
    skips: int = 1
    groups: int = 1
    width_per_group: int = 64

    @property
    def shortcut_name(self) -> str:
        return "downsample" if self.torchvision else "shortcut"

    @property
    def head_name(self) -> str:
        return "fc" if self.torchvision else "linear"

    @property
    def usual_shortcut(self) -> str:
        return "projection" if self.torchvision else "pad"

    @property
    def features(self) -> int:
        """The channels that the linear layer gets."""
        return self.channels[-1] * (EXPANSION if self.bottleneck else 1)

    def stages(self, parts: Parts) -> Iterator[list[Block]]:
        """The blocks of each stage; the first of each but the first stage halves the image."""
        in_channels = self.channels[0]
        for number, (count, channels) in enumerate(zip(self.blocks, self.channels, strict=True)):
            stage = []
            for place in range(count):
                stride = 2 if place == 0 and number > 0 else 1
                stage.append(self._block(parts, in_channels, channels, stride))
                in_channels = channels * (EXPANSION if self.bottleneck else 1)
            yield stage

    def _block(self, parts: Parts, in_channels: int, channels: int, stride: int) -> Block:
        if self.bottleneck:
            return Bottleneck(parts, in_channels, channels, stride, self.groups, self.width_per_group)
        return BasicBlock(parts, in_channels, channels, stride, self.skips)

    def initialize(self, net: nn.Module) -> None:
        """Kaiming-normal weights: over the inputs in the CIFAR family, over the outputs in torchvision's."""
        for module in net.modules():
            if self.torchvision and isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif not self.torchvision and isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)


def cifar_architecture(blocks: int, skips: int = 1) -> Architecture:
    """The CIFAR family: three stages of so many blocks, which are 6 · blocks + 2 layers."""
    return Architecture((blocks,) * 3, (16, 32, 64), STEMS["cifar"], skips=skips)


def architecture(depth: int, stem: str | None, skips: int, groups: int, width_per_group: int) -> Architecture:
    """The architecture of this depth; ``stem=None``: "cifar" for the CIFAR family, else "imagenet".

    Raises ValueError for a depth or setting that does not exist, or not together.
    """
    if depth not in DEPTHS:
        raise ValueError(f"depth={depth} does not exist; use one of {', '.join(map(str, DEPTHS))}.")
    if stem is not None and stem not in STEMS:
        raise ValueError(f"stem={stem!r} does not exist; use one of {', '.join(STEMS)}.")
    if skips not in (1, 2):
        raise ValueError(f"skips={skips}: a block has 1 skip or 2.")
    if depth not in BOTTLENECK and (groups, width_per_group) != (1, 64):
        raise ValueError(
            f"groups={groups}, width_per_group={width_per_group} are for bottleneck blocks; use 1 and 64, or "
            f"a depth of {', '.join(map(str, BOTTLENECK))}."
        )
    if depth in CIFAR_DEPTHS:
        if stem == "imagenet":
            raise ValueError(f"stem='imagenet' is for {', '.join(map(str, (*BASIC, *BOTTLENECK)))} layers.")
        return cifar_architecture((depth - 2) // 6, skips)
    _check_bottleneck(depth, skips, groups, width_per_group)
    stem = stem or "imagenet"
    return Architecture(
        {**BASIC, **BOTTLENECK}[depth],
        channels=(64, 128, 256, 512),
        stem=STEMS[stem],
        pools=stem == "imagenet",
        torchvision=True,
        bottleneck=depth in BOTTLENECK,
        skips=skips,
        groups=groups,
        width_per_group=width_per_group,
    )


def _check_bottleneck(depth: int, skips: int, groups: int, width_per_group: int) -> None:
    if depth in BOTTLENECK and skips == 2:
        raise ValueError(f"skips=2 is for basic blocks; depth={depth} has bottleneck blocks, use skips=1.")
    if min(groups, width_per_group) < 1:
        raise ValueError(f"groups={groups}, width_per_group={width_per_group}: both must be at least 1.")
