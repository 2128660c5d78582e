"""The public constructors: where a name becomes an object for those who do not use configs."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from bregman_exp import models
from bregman_exp.compiling import compiled
from bregman_exp.geometry import Activation
from bregman_exp.geometry import legendre_map as legendre_map


@wraps(models.resnet)  # its signature and documentation
def resnet(depth: int, *, act: Activation | str, **settings: Any) -> models.ResNet:
    return models.resnet(depth, act=_map_of(act), **settings)


@wraps(models.mlp)
def mlp(widths: Sequence[int], *, act: Activation | str, **settings: Any) -> models.MLP:
    return models.mlp(widths, act=_map_of(act), **settings)


def fast_inference(net: models.ResNet) -> Callable[[Tensor], Tensor]:
    """images (N, 3, H, W) in [0, 1] ↦ logits (N, K) of the network as it is now; compiled, no gradients.

    Batch normalisation is folded into the convolutions (:func:`bregman_exp.models.folded`) and the rest fused
    (``models/fused.py``): the logits of ``net.eval()`` to float32 rounding. The first call compiles, for tens
    of seconds on a CPU, and so does every other N. Needs a C++ compiler on a CPU.
    """
    device = next(net.parameters()).device
    return torch.no_grad()(compiled(models.FusedForm(models.folded(net), gradients=False), device))


def _map_of(act: Activation | str) -> Activation:
    """A name stands for the map with its default parameters."""
    return legendre_map(act) if isinstance(act, str) else act
