"""The fast forms of a network: the one place that says what ``fast`` means."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

import bregman_exp as bx
from bregman_exp.compiling import compiled
from bregman_exp.models import FusedForm, ResNet

MANY = 64  # compiled networks side by side in one process; train.py has one at a time


def fast_training(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """images (N, 3, H, W) ↦ logits (N, K) as train.py computes them, on the network's own parameters."""
    _allow_many()
    return compiled(FusedForm(cast(ResNet, net)), next(net.parameters()).device)


def fast_inference(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """The same for a trained network in eval mode, its weights as they are now; no gradients."""
    _allow_many()
    return bx.fast_inference(cast(ResNet, net))


def _allow_many() -> None:
    torch._dynamo.config.recompile_limit = MANY  # pyright: ignore[reportPrivateUsage]
