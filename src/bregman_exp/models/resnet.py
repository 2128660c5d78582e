"""The CIFAR ResNet family: standard and Bregman, one class with one switch."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bregman_exp.geometry import Activation
from bregman_exp.models.input_map import normalization
from bregman_exp.models.surrogates import straight_through
from bregman_exp.models.version import DualClamp, check_version, dual_clamp

DEPTHS = (20, 32, 44, 56, 110, 1202)
SHORTCUTS = ("pad", "projection")


class PadShortcut(nn.Module):
    """Subsample by 2 and add ``extra`` constant channels before and after.

    In the dual space the constant is 0, which is ρ(0) in the primal one (the reference's option "E").

    Shapes: (N, C, H, W) -> (N, C + 2·extra, H/2, W/2).
    """

    def __init__(self, extra: int, value: float):
        super().__init__()
        self.extra, self.value = extra, value

    def forward(self, s: Tensor) -> Tensor:
        subsampled = F.avg_pool2d(s, 1, stride=2)  # s[:, :, ::2, ::2] with a gradient in channels-last
        return F.pad(subsampled, (0, 0, 0, 0, self.extra, self.extra), value=self.value)


class BasicBlock(nn.Module):
    """One residual block, in the dual variable u; z = ρ(u).

        standard    u' = shortcut(z) + Conv2[ρ(Conv1[z])]
        bregman     u' = shortcut(clamp(u)) + Conv2[ρ(Conv1[z])]

    Conv is a 3×3 convolution followed by batch normalisation. clamp(u) equals the Bregman skip ρ⁻¹(clamp(z)),
    so no inverse is computed.

    Shapes: u (N, C, H, W) -> (N, C', H/stride, W/stride).
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int,
        act: Activation,
        version: str,
        clamp_dual: DualClamp,
        shortcut: nn.Module,
    ):
        super().__init__()
        self.act, self.version, self.clamp_dual = act, version, clamp_dual
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = shortcut

    def residual(self, z: Tensor) -> Tensor:
        """Conv2[ρ(Conv1[z])]."""
        return self.bn2(self.conv2(self.act.act(self.bn1(self.conv1(z)))))

    def forward(self, u: Tensor) -> Tensor:
        z = self.act.act(u)
        skipped = self.clamp_dual(u) if self.version == "bregman" else z
        return self.shortcut(skipped) + self.residual(z)


class ResNet(nn.Module):
    """See :func:`resnet`. State-dict keys are those of the common CIFAR ResNet."""

    def __init__(
        self,
        depth: int,
        act: Activation,
        version: str,
        num_classes: int,
        normalize: str | tuple[Sequence[float], Sequence[float]] | None,
        clamp: float | None,
        shortcut: str,
        in_channels: int = 3,
    ):
        super().__init__()
        self.act, self.version, self.clamp, self.shortcut_kind = act, version, clamp, shortcut
        self.clamp_dual = dual_clamp(act, version, clamp)
        blocks = (depth - 2) // 6
        self.input_map = normalization(normalize, in_channels)
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(blocks, 16, 16)
        self.layer2 = self._stage(blocks, 16, 32)
        self.layer3 = self._stage(blocks, 32, 64)
        self.linear = nn.Linear(64, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def _stage(self, blocks: int, in_channels: int, channels: int) -> nn.Sequential:
        first = self._block(in_channels, channels)
        return nn.Sequential(first, *(self._block(channels, channels) for _ in range(blocks - 1)))

    def _block(self, in_channels: int, channels: int) -> BasicBlock:
        stride = channels // in_channels
        shortcut = nn.Identity() if stride == 1 else self._shortcut(in_channels, channels)
        return BasicBlock(in_channels, channels, stride, self.act, self.version, self.clamp_dual, shortcut)

    def _shortcut(self, in_channels: int, channels: int) -> nn.Module:
        if self.shortcut_kind == "projection":
            convolution = nn.Conv2d(in_channels, channels, 1, stride=2, bias=False)
            return nn.Sequential(convolution, nn.BatchNorm2d(channels))
        value = 0.0 if self.version == "bregman" else self.act.zero
        return PadShortcut((channels - in_channels) // 2, value)

    def blocks(self) -> list[BasicBlock]:
        """All residual blocks in the order of the forward pass."""
        stages = (self.layer1, self.layer2, self.layer3)
        return [block for stage in stages for block in stage if isinstance(block, BasicBlock)]

    def stem(self, x: Tensor) -> Tensor:
        """The first u: images (N, C, H, W) in [0, 1] -> (N, 16, H, W)."""
        if x.requires_grad:
            x = _ContiguousGradient.apply(x)  # pyright: ignore[reportAssignmentType]
        return self.bn1(self.conv1(self.input_map(x)))

    def head(self, z: Tensor) -> Tensor:
        """Global average pooling and the linear layer: (N, 64, H, W) -> (N, num_classes)."""
        pooled = F.avg_pool2d(z, z.shape[2:])  # unlike mean, it has a channels-last gradient
        return self.linear(pooled.flatten(1))

    def extra_repr(self) -> str:
        return f"act={self.act}, version={self.version}, clamp={self.clamp}"

    def forward(self, x: Tensor) -> Tensor:
        u = self.stem(x)  # (N, 16, 32, 32)
        for block in self.blocks():
            u = block(u)
        return self.head(self.act.act(u))

    def surrogates(self) -> dict[str, nn.Module]:
        """{"straight-through": the model with gradients that pass every clamp}, empty without a clamp."""
        return straight_through(self)

    def hidden_weights(self) -> list[Tensor]:
        """The kernels of all convolutions, for an ℓ1 proximal step."""
        return [module.weight for module in self.modules() if isinstance(module, nn.Conv2d)]


class _ContiguousGradient(torch.autograd.Function):
    """The identity with a contiguous gradient instead of a channels-last one: attacks take views of it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        pass  # backward needs no saved tensor

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        return grad_outputs[0].contiguous()


def resnet(
    depth: int,
    *,
    act: Activation,
    version: str = "bregman",
    num_classes: int = 10,
    normalize: str | tuple[Sequence[float], Sequence[float]] | None = "cifar10",
    clamp: float | None = 2e-5,
    shortcut: str = "pad",
    in_channels: int = 3,
) -> ResNet:
    """A ResNet of the CIFAR family (He et al., "Deep Residual Learning", 2016, section 4.2), depth 6n + 2.

    With Conv a 3×3 convolution and batch normalisation (Frecon et al., "Bregman Neural Networks", ICML 2022):

        standard    z ← ρ(z + Conv2[ρ(Conv1[z])])
        bregman     z ← ρ(ρ⁻¹(z) + Conv2[ρ(Conv1[z])])

    "euclidean" is an alias of "standard", whose skip is the identity already, and is recorded as "standard".
    Where a stage halves the image and doubles the channels, ``shortcut="pad"`` subsamples and pads with zeros
    in the dual space (ρ(0) in the primal one); ``"projection"`` is a 1×1 convolution with batch
    normalisation, in the dual space for a Bregman network. ``clamp``: c of clamp(z, lo + c, hi − c) before
    ρ⁻¹, None for the exact formula; Bregman only. ``normalize`` is the first layer: "cifar10", "imagenet",
    (mean, std) or None.

    Shapes: images (N, in_channels, 32, 32) in [0, 1] -> logits (N, num_classes).
    Raises ValueError for a depth, version, shortcut, normalisation, number of channels or clamp that is not
    allowed, and for a Bregman version of a map without inverse.
    """
    if depth not in DEPTHS:
        raise ValueError(f"depth={depth} does not exist; use one of {', '.join(map(str, DEPTHS))}.")
    if shortcut not in SHORTCUTS:
        raise ValueError(f"shortcut={shortcut!r} does not exist; use one of {', '.join(SHORTCUTS)}.")
    if num_classes < 2:
        raise ValueError(f"num_classes={num_classes}: a classifier needs at least 2.")
    if in_channels < 1:
        raise ValueError(f"in_channels={in_channels}: images have at least 1.")
    version = "standard" if check_version(version) == "euclidean" else version
    net = ResNet(depth, act, version, num_classes, normalize, clamp, shortcut, in_channels)
    return net.to(memory_format=torch.channels_last)  # convolutions are faster, on CPUs and GPUs


def folded(model: ResNet) -> ResNet:
    """A copy in eval mode with batch normalisation folded into the convolutions, for inference only.

        γ (K∗x − μ)/√(σ² + ε) + β  =  (γ/√(σ² + ε)) K ∗ x + (β − γμ/√(σ² + ε))

    It has its own weights and gives the same logits to rounding. Shapes: those of the model.
    """
    net = copy.deepcopy(model).eval()
    _fold(net, "conv1", "bn1")
    for block in net.blocks():
        _fold(block, "conv1", "bn1")
        _fold(block, "conv2", "bn2")
        if isinstance(block.shortcut, nn.Sequential):
            _fold(block.shortcut, "0", "1")
    return net


def _fold(parent: nn.Module, convolution: str, normalization: str) -> None:
    conv, norm = getattr(parent, convolution), getattr(parent, normalization)
    setattr(parent, convolution, fuse_conv_bn_eval(conv, norm))
    setattr(parent, normalization, nn.Identity())
