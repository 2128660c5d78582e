"""The public constructors, for use without configs; they also accept an activation by its name."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn

from bregman_exp import models
from bregman_exp.compiling import compiled
from bregman_exp.geometry import Activation
from bregman_exp.geometry import legendre_map as legendre_map


@wraps(models.resnet)  # with its signature and documentation
def resnet(depth: int, *, act: Activation | str, **settings: Any) -> models.ResNet:
    return models.resnet(depth, act=_activation(act), **settings)


@wraps(models.mlp)
def mlp(widths: Sequence[int], *, act: Activation | str, **settings: Any) -> models.MLP:
    return models.mlp(widths, act=_activation(act), **settings)


@wraps(models.from_bregmanet)
def from_bregmanet(state: Mapping[str, Tensor], *, act: Activation | str, **settings: Any) -> nn.Module:
    return models.from_bregmanet(state, act=_activation(act), **settings)


def fast_inference(net: models.ResNet) -> Callable[[Tensor], Tensor]:
    """images (N, 3, H, W) in [0, 1] ↦ logits (N, K) of the network as it is now; compiled, no gradients.

    The logits are those of ``net.eval()`` to float32 rounding: batch normalisation is folded into the
    convolutions (:func:`bregman_exp.models.folded`), the rest is fused (``models/fused.py``). The first call
    with each N compiles, which takes tens of seconds on a CPU and needs a C++ compiler there.
    """
    device = next(net.parameters()).device
    return torch.no_grad()(compiled(models.FusedForm(models.folded(net), gradients=False), device))


def _activation(act: Activation | str) -> Activation:
    """The activation; a name means the default parameters."""
    return legendre_map(act) if isinstance(act, str) else act
