"""The fast forms of a network: the one place that says what ``fast`` means."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def fast_training(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """images (N, 3, H, W) ↦ logits (N, K) of the network in training, on its own parameters."""
    return net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def fast_inference(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """The same for a trained network in eval mode, its weights as they are now; no gradients."""
    return net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
