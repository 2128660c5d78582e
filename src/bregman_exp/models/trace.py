"""The hidden representations of an MLP, layer by layer, in the primal variable z.

z⁽⁰⁾ is the data mapped into the domain of Φ; z⁽ˡ⁾ = ρ(u⁽ˡ⁾) is the output of hidden layer l, l = 1 … L; the
output layer maps z⁽ᴸ⁾ to the logits. Every function computes in the model's dtype and without gradients.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn

from bregman_exp.geometry import LegendreMap
from bregman_exp.geometry.clamping import Number
from bregman_exp.models.mlp import MLP
from bregman_exp.models.mlp_layer import Layer


@torch.no_grad()
def representations(model: nn.Module, x: Tensor) -> list[Tensor]:
    """z⁽⁰⁾ … z⁽ᴸ⁾ of samples x in [0, 1], as the forward pass computes them.

    Shapes: x (N, …) -> L + 1 tensors, (N, in_features) and then (N, width of the layer). Raises ValueError
    for a model that is not an MLP.
    """
    net = _as_mlp(model)
    z = net.input_map(x.flatten(1))
    u, zs = _dual(net, 0, z), [z]
    for layer, rho in zip(net.layers, net.maps, strict=False):
        u = layer(u, z, rho)
        z = cast(Layer, layer).rho(u)
        zs.append(z)
    return zs


@torch.no_grad()
def layer_map(model: nn.Module, l: int, z: Tensor) -> Tensor:  # noqa: E741
    """z⁽ˡ⁾ ↦ z⁽ˡ⁺¹⁾ = ρ(layer(z⁽ˡ⁾)), l = 0 … L − 1; in a Bregman network with u = ρ⁻¹(z).

    Shapes: z (N, width before the layer) -> (N, its width). Raises ValueError for a model that is not an MLP,
    for an l without a layer, and for a z of the wrong width.
    """
    net = _as_mlp(model)
    _check_layer(net, l, len(net.layers) - 1, z)
    return net.maps[l + 1](net.layers[l](_dual(net, l, z), z, net.maps[l]))


@torch.no_grad()
def logits_from(model: nn.Module, l: int, z: Tensor) -> Tensor:  # noqa: E741
    """The logits computed from z⁽ˡ⁾, l = 0 … L.

    Shapes: z (N, width before layer l + 1) -> (N, classes). Raises the same errors as :func:`layer_map`.
    """
    net = _as_mlp(model)
    _check_layer(net, l, len(net.layers), z)
    u = _dual(net, l, z)
    for layer, rho in zip(net.layers[l:], net.maps[l:], strict=False):
        u = layer(u, z, rho)
        z = cast(Layer, layer).rho(u)
    return net.output(z)


def primal_range(model: nn.Module) -> tuple[float, float]:
    """(lo, hi): the open interval that contains every coordinate of z; ±∞ where it has no end.

    Where layers have learned maps it contains the ranges of all of them.

    Raises ValueError for a model that is not an MLP.
    """
    acts = [rho.act for rho in _as_mlp(model).maps]
    ranges = [act.range if isinstance(act, LegendreMap) else (-math.inf, math.inf) for act in acts]
    return min(_least(lo) for lo, _ in ranges), max(-_least(-hi) for _, hi in ranges)


def _least(ends: Number) -> float:
    return float(ends.min()) if isinstance(ends, Tensor) else ends


def _as_mlp(model: nn.Module) -> MLP:
    if not isinstance(model, MLP):
        raise ValueError(f"{type(model).__name__} cannot be traced layer by layer; only MLPs can.")
    return model


def _dual(net: MLP, l: int, z: Tensor) -> Tensor:  # noqa: E741
    """ρ⁻¹(z⁽ˡ⁾) for a Bregman network; the layers of the others do not use u."""
    return net.maps[l].dual(z) if net.version == "bregman" else z


def _check_layer(net: MLP, l: int, last: int, z: Tensor) -> None:  # noqa: E741
    if not 0 <= l <= last:
        raise ValueError(f"l={l} is not allowed: this network has {len(net.layers)} layers; use 0 to {last}.")
    widths = [net.input_width, *(cast(Layer, layer).linear.out_features for layer in net.layers)]
    if z.dim() != 2 or z.shape[1] != widths[l]:
        raise ValueError(f"z has shape {tuple(z.shape)} at l={l}; it must be (N, {widths[l]}).")
