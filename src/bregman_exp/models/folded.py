"""Batch normalisation folded into the convolutions: the model that only looks at images."""

import copy

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bregman_exp.models.resnet import ResNet


def folded(model: ResNet) -> ResNet:
    """A copy in eval mode, with its own weights, that has no batch normalisation left.

        γ (K∗x − μ)/√(σ² + ε) + β  =  (γ/√(σ² + ε)) K ∗ x + (β − γμ/√(σ² + ε))

    The same logits to rounding; it cannot be trained. Shapes: those of the model.
    """
    copied = copy.deepcopy(model).eval()
    _fold(copied, "conv1", "bn1")
    for block in copied.blocks():
        _fold(block, "conv1", "bn1")
        _fold(block, "conv2", "bn2")
        if isinstance(block.shortcut, nn.Sequential):
            _fold(block.shortcut, "0", "1")
    return copied


def _fold(parent: nn.Module, convolution: str, normalization: str) -> None:
    conv, norm = getattr(parent, convolution), getattr(parent, normalization)
    setattr(parent, convolution, fuse_conv_bn_eval(conv, norm))
    setattr(parent, normalization, nn.Identity())
