"""ResNets, standard and Bregman, one class with one switch: the CIFAR family, and that of ImageNet."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bregman_exp.geometry import Activation
from bregman_exp.models.architecture import Architecture, architecture
from bregman_exp.models.blocks import NORMS, SHORTCUTS, Block, Parts
from bregman_exp.models.input_map import normalization
from bregman_exp.models.layer_map import LayerMaps, learned_parameters
from bregman_exp.models.surrogates import straight_through
from bregman_exp.models.version import DualClamp, check_version

Normalize = str | tuple[Sequence[float], Sequence[float]] | None


class ResNet(nn.Module):
    """See :func:`resnet`. State-dict keys are those of the common CIFAR ResNet, or of torchvision's."""

    def __init__(
        self,
        architecture: Architecture,
        act: Activation,
        version: str,
        num_classes: int,
        normalize: Normalize,
        clamp: float | None,
        shortcut: str,
        norm: str = "batch",
        in_channels: int = 3,
    ):
        super().__init__()
        self.architecture, self.act, self.version, self.clamp = architecture, act, version, clamp
        maps = LayerMaps(act, version, clamp, over_space=2)
        parts = Parts(maps, version, norm, shortcut, architecture.shortcut_name)
        channels = architecture.channels[0]
        self.input_map = normalization(normalize, in_channels)
        self.conv1 = parts.convolution(in_channels, channels, *architecture.stem)
        self.bn1 = parts.normalization(channels)
        for number, stage in enumerate(architecture.stages(parts), start=1):
            self.add_module(f"layer{number}", nn.Sequential(*stage))
        self.rho = maps.of_layer(architecture.features)  # of the u that leaves the last block
        self.add_module(architecture.head_name, nn.Linear(architecture.features, num_classes))
        architecture.initialize(self)

    def blocks(self) -> list[Block]:
        """All residual blocks in the order of the forward pass."""
        stages = [getattr(self, f"layer{number}") for number in range(1, len(self.architecture.blocks) + 1)]
        return [block for stage in stages for block in stage]

    def stem(self, x: Tensor) -> Tensor:
        """The first u: images (N, channels, H, W) in [0, 1] -> (N, C, H, W), or (N, C, H/4, W/4).

        For an increasing ρ the maximum over u gives the maximum over ρ(u).
        """
        if x.requires_grad:
            x = _ContiguousGradient.apply(x)  # pyright: ignore[reportAssignmentType]
        u = self.bn1(self.conv1(self.input_map(x)))
        return F.max_pool2d(u, 3, stride=2, padding=1) if self.architecture.pools else u

    def head(self, z: Tensor) -> Tensor:
        """Global average pooling and the linear layer: (N, C, H, W) -> (N, num_classes)."""
        pooled = F.avg_pool2d(z, z.shape[2:])  # unlike mean, it has a channels-last gradient
        return getattr(self, self.architecture.head_name)(pooled.flatten(1))

    def extra_repr(self) -> str:
        return f"act={self.act}, version={self.version}, clamp={self.clamp}"

    def forward(self, x: Tensor) -> Tensor:
        u = self.stem(x)
        for block in self.blocks():
            u = block(u)
        return self.head(self.rho(u))

    @property
    def clamp_dual(self) -> DualClamp:
        """The clamp of the last layer's u; of all layers, where the maps are fixed."""
        return self.rho.clamp_dual

    @property
    def learned(self) -> dict[str, Tensor]:
        """{"layer1.0.rho.beta": tensor, …}, see `learned_parameters`; empty where the maps are fixed."""
        return learned_parameters(self)

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
    normalize: Normalize = "cifar10",
    clamp: float | None = 2e-5,
    shortcut: str | None = None,
    in_channels: int = 3,
    stem: str | None = None,
    skips: int = 1,
    groups: int = 1,
    width_per_group: int = 64,
    norm: str = "batch",
) -> ResNet:
    """A ResNet: of the CIFAR family (20, 32, 44, 56, 110, 1202 layers) or the ImageNet one (18 to 152).

    With Conv a convolution and a normalisation (Frecon et al., "Bregman Neural Networks", ICML 2022):

        standard    z ← ρ(z + Conv2[ρ(Conv1[z])])
        bregman     z ← ρ(ρ⁻¹(z) + Conv2[ρ(Conv1[z])])

    "euclidean" is an alias of "standard", whose skip is the identity already, and is recorded as "standard".

    Architecture (He et al., "Deep Residual Learning", 2016, section 4.2 and table 1). The CIFAR family has
    6n + 2 layers in three stages of 16, 32, 64 channels, and the state-dict keys of the common CIFAR ResNet.
    The others have four stages of 64 to 512 channels, from 50 layers on with bottleneck blocks, and
    torchvision's keys; a standard one with relu is torchvision's network. Their first layer is
    ``stem="imagenet"``, a 7×7 convolution of stride 2 and a max-pooling of stride 2, or ``"cifar"``, a 3×3
    convolution; the pooling acts on u, which for an increasing ρ is the same as on ρ(u). ``skips=2`` has a
    skip over each convolution (the reference's "bis"; not with bottlenecks). ``groups`` and
    ``width_per_group``: of bottlenecks; 32 and 4 are ResNeXt50_32x4d (Xie et al., 2017), 1 and 128 Wide
    ResNet50_2 (Zagoruyko, Komodakis, 2016).

    Where a stage changes the shape, ``shortcut="pad"`` subsamples and pads with zeros in the dual space (ρ(0)
    in the primal one), the default of the CIFAR family; ``"projection"`` is a 1×1 convolution with a
    normalisation, in the dual space for a Bregman network. ``norm``: "batch", "group" (32 groups, fewer where
    a group would have less than 8 channels) or "none", where the convolutions have a bias. ``clamp``: c of
    clamp(z, lo + c, hi − c) before ρ⁻¹, None for the exact formula; Bregman only. ``normalize`` is the first
    layer: "cifar10", "imagenet", (mean, std) or None.

    Shapes: images (N, in_channels, H, W) in [0, 1] -> logits (N, num_classes); H and W are 32 or more with
    the ImageNet stem.
    Raises ValueError for a depth, version or other setting that is not allowed, for settings of bottlenecks
    in a network without, and for a Bregman version of a map without inverse.
    """
    _check_choice("norm", norm, NORMS)
    if shortcut is not None:
        _check_choice("shortcut", shortcut, SHORTCUTS)
    if num_classes < 2:
        raise ValueError(f"num_classes={num_classes}: a classifier needs at least 2.")
    if in_channels < 1:
        raise ValueError(f"in_channels={in_channels}: images have at least 1.")
    version = "standard" if check_version(version) == "euclidean" else version
    shape = architecture(depth, stem, skips, groups, width_per_group)
    shortcut = shape.usual_shortcut if shortcut is None else shortcut
    net = ResNet(shape, act, version, num_classes, normalize, clamp, shortcut, norm, in_channels)
    return net.to(memory_format=torch.channels_last)  # convolutions are faster, on CPUs and GPUs


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r} does not exist; use one of {', '.join(choices)}.")


def folded(model: ResNet) -> ResNet:
    """A copy in eval mode with batch normalisation folded into the convolutions, for inference only.

        γ (K∗x − μ)/√(σ² + ε) + β  =  (γ/√(σ² + ε)) K ∗ x + (β − γμ/√(σ² + ε))

    It has its own weights and gives the same logits to rounding. Shapes: those of the model.
    """
    net = copy.deepcopy(model).eval()
    for parent in (net, *net.blocks()):
        for number in (1, 2, 3):
            _fold(parent, f"conv{number}", f"bn{number}")
    for block in net.blocks():
        _fold(block.skip, "0", "1")
    return net


def _fold(parent: nn.Module, convolution: str, normalization: str) -> None:
    """Folds the parent's normalisation into its convolution, where it has this pair."""
    conv, norm = getattr(parent, convolution, None), getattr(parent, normalization, None)
    if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
        setattr(parent, convolution, fuse_conv_bn_eval(conv, norm))
        setattr(parent, normalization, nn.Identity())
