"""A hidden layer of an MLP: standard, euclidean and Bregman, one class with one switch."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm as add_weight_norm

from bregman_exp.geometry import LegendreMap
from bregman_exp.models import interval as bounds
from bregman_exp.models.layer_map import LayerMap, LayerMaps
from bregman_exp.models.mixing import Mixing
from bregman_exp.models.start import start_at_identity, start_at_zero


class Layer(nn.Module):
    """One hidden layer, in the dual variable u; z = ρ(u) with the map ρ of the layer before.

        standard    u' = W z + b
        euclidean   u' = R z + W z + b
        bregman     u' = clamp(ρ⁻¹(R ρ(u))) + W z + b

    R is the identity if the width does not change (then ρ⁻¹(R z) is u, and no inverse is computed), else a
    learned matrix (models/mixing.py). The layer's own map ``rho`` makes the next z of u'.

    Shapes: u, z (N, in_features) -> (N, out_features).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        maps: LayerMaps,
        init: str,
        weight_norm: bool,
        free_mixing: bool = False,
    ):
        super().__init__()
        self.version, self.clamp = maps.version, maps.clamp
        self.rho = maps.of_layer(out_features)
        self.linear = nn.Linear(in_features, out_features)
        changes_width = in_features != out_features and self.version != "standard"
        self.mixing = Mixing(in_features, out_features, init, free_mixing) if changes_width else None
        if init == "deterministic":
            start_at_identity(self.linear) if self.version == "standard" else start_at_zero(self.linear)
        if weight_norm:
            add_weight_norm(self.linear)

    def forward(self, u: Tensor, z: Tensor, rho: LayerMap) -> Tensor:
        update = self.linear(z)
        if self.version == "standard":
            return update
        skip = self._bregman_skip(u, z, rho) if self.version == "bregman" else self._euclidean_skip(z)
        return update + skip

    def enclose(self, u: bounds.Enclosure, z: bounds.Enclosure, rho: LayerMap) -> bounds.Enclosure:
        """The enclosure of the layer's output; a Bregman layer uses only u, since z = ρ(u)."""
        weight, bias = self.linear.weight, self.linear.bias
        mixing = None if self.mixing is None else self.mixing.weight
        if self.version == "bregman":
            return bounds.bregman_step(u, cast(LegendreMap, rho.act), weight, bias, rho.clamp_dual, mixing)
        if self.version == "euclidean":  # one matrix, so that skip and update can cancel
            weight = weight + (torch.eye(len(weight)).to(weight) if mixing is None else mixing)
        return bounds.affine(z, weight, bias)

    def _bregman_skip(self, u: Tensor, z: Tensor, rho: LayerMap) -> Tensor:
        return rho.clamp_dual(u if self.mixing is None else self.mixing.dual(u, z, rho, self.clamp))

    def _euclidean_skip(self, z: Tensor) -> Tensor:
        return z if self.mixing is None else z @ self.mixing.weight.T
