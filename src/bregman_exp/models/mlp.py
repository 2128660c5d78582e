"""Multilayer perceptrons: standard, euclidean and Bregman, one class with one switch."""

import copy
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from bregman_exp.geometry import Activation
from bregman_exp.geometry.as_released import AsReleased
from bregman_exp.models import interval as bounds
from bregman_exp.models.input_map import onto_interval
from bregman_exp.models.layer_map import LayerMap, LayerMaps, learned_parameters
from bregman_exp.models.mixing import MIXINGS, Mixing
from bregman_exp.models.mlp_layer import Layer
from bregman_exp.models.nearest_value import NearestValue, output_layer
from bregman_exp.models.start import INITS, start_uniform
from bregman_exp.models.surrogates import straight_through
from bregman_exp.models.version import check_version


class MLP(nn.Module):
    """See :func:`mlp`."""

    def __init__(
        self,
        widths: Sequence[int],
        act: Activation,
        version: str,
        in_features: int,
        num_classes: int,
        init: str,
        clamp: float | None,
        weight_norm: bool,
        mixing: str = "simplex",
        values: Sequence[float] | None = None,
    ):
        super().__init__()
        self.act, self.version, self.clamp = act, check_version(version), clamp
        self.input_map = onto_interval(*act.input_interval)
        maps = LayerMaps(act, version, clamp)
        self.data_map = maps.fixed  # that of the data z⁰, which are in its range: learned maps begin with z¹
        self.layers = nn.ModuleList(
            Layer(n_in, n_out, maps, init, weight_norm, free_mixing=mixing == "free")
            for n_in, n_out in zip([in_features, *widths], widths, strict=False)
        )
        self.output = output_layer(widths[-1], num_classes, values)
        if init == "deterministic":
            start_uniform(self.output)

    def extra_repr(self) -> str:
        return f"act={self.act}, version={self.version}, clamp={self.clamp}"

    def forward(self, x: Tensor) -> Tensor:
        z = self.input_map(x.flatten(1))  # (N, in_features), inside the range of ρ
        # The only inverse of the pass, if no layer changes its width: u is carried from layer to layer.
        u = self.data_map.dual(z) if self.version == "bregman" else z
        for layer, rho in zip(self.layers, self.maps, strict=False):
            u = layer(u, z, rho)
            z = cast(Layer, layer).rho(u)
        return self.output(z)  # (N, num_classes)

    @property
    def maps(self) -> list[LayerMap]:
        """The maps of z⁰, z¹, …, one more than there are layers; one module where they are the same."""
        return [self.data_map, *(cast(Layer, layer).rho for layer in self.layers)]

    @property
    def learned(self) -> dict[str, Tensor]:
        """{"layers.0.rho.beta": tensor, …}, see `learned_parameters`; empty where the maps are fixed."""
        return learned_parameters(self)

    @torch.no_grad()
    def interval(self, lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
        """Bounds of the logits over boxes of inputs: lo ≤ x ≤ hi -> lower ≤ logits(x) ≤ upper.

        They are computed in float64 and rounded outward (see ``interval.py``). They hold for these weights
        in exact arithmetic; the caller adds what float32 may round.

        Shapes: lo, hi (M, in_features), about [0, 1] -> lower, upper (M, num_classes), float64; ±∞ or NaN
        where there is no bound. Raises ValueError for an activation that is not increasing and for a wrong
        shape.
        """
        bounds.check_increasing(self.act)
        if any(isinstance(module, Mixing) and module.free for module in self.modules()):
            raise ValueError("interval is for rows on the simplex; this network was made with mixing='free'.")
        if lo.dim() != 2 or lo.shape != hi.shape or lo.shape[1] != self.input_width:
            raise ValueError(
                f"interval needs lo and hi of shape (M, {self.input_width}), not "
                f"{tuple(lo.shape)} and {tuple(hi.shape)}."
            )
        logits = copy.deepcopy(self).double()._enclose(bounds.cells(lo.double(), hi.double()))
        return logits.lo, logits.hi

    def _enclose(self, x: bounds.Enclosure) -> bounds.Enclosure:
        """The forward pass on enclosures; the weights are in float64."""
        width = self.input_width
        z = bounds.affine(x, self.input_map.scale * torch.eye(width).to(x.lo), self.input_map.shift)
        u = z
        if self.version == "bregman":
            inverse = self.data_map.dual
            least, most = bounds.slope_range(self.act, *bounds.outward(inverse(z.lo), inverse(z.hi)))
            u = bounds.increasing(z, inverse, (1 / most, 1 / least))
        for layer, before, rho in zip(self.layers, self.maps, self.maps[1:], strict=False):
            u = cast(Layer, layer).enclose(u, z, before)
            z = bounds.increasing(u, rho, bounds.slope_range(rho.act, u.lo, u.hi))
        if isinstance(self.output, NearestValue):
            return self.output.enclose(z)
        return bounds.affine(z, self.output.weight, self.output.bias)

    def surrogates(self) -> dict[str, nn.Module]:
        """{"straight-through": the model with gradients that pass every clamp}, empty without a clamp."""
        return straight_through(self)

    @property
    def input_width(self) -> int:
        return cast(Layer, self.layers[0]).linear.in_features

    def hidden_weights(self) -> list[Tensor]:
        """The matrices W of the hidden layers, for an ℓ1 proximal step."""
        return [layer.linear.weight for layer in self.layers if isinstance(layer, Layer)]


def mlp(
    widths: Sequence[int],
    *,
    act: Activation,
    version: str = "bregman",
    in_features: int,
    num_classes: int,
    init: str = "random",
    clamp: float | None = 1e-5,
    weight_norm: bool = False,
    mixing: str = "simplex",
    values: Sequence[float] | None = None,
) -> MLP:
    """A multilayer perceptron with hidden layers of the given widths and a linear output layer.

    z⁰ is the data, mapped affinely from [0, 1] into the domain of Φ. Each layer is (Frecon et al., "Bregman
    Neural Networks", ICML 2022):

        standard    z ← ρ(W z + b)
        euclidean   z ← ρ(z + W z + b)
        bregman     z ← ρ(ρ⁻¹(z) + W z + b)

    A Bregman or euclidean layer whose width changes replaces the skipped z by R z, R learned with rows on the
    probability simplex. With ``mixing="free"`` R is any matrix, as in networks of bregmanet; R z may then
    leave the range, and ``clamp`` brings it back. ``init="deterministic"``: standard hidden layers start at
    the identity, the others at zero, the output layer at 1/width everywhere; ``"random"``: uniform in
    ±1/√width (torch's default).
    ``clamp``: c of clamp(z, lo + c, hi − c) before ρ⁻¹, None for the exact formula; Bregman only.
    ``values``: of the classes, for regression: the network has one output f and the logits −(f(x) − v_k)².

    With ``act.learn`` each hidden layer has its own ρ with learned parameters, or all have one; ρ⁻¹ is that
    of the layer before (models/layer_map.py). z⁰ has the initial map, which stays.

    Shapes: x (N, in_features) in [0, 1] -> logits (N, num_classes).

    Raises ValueError for a width, version, init or clamp that is not allowed, for a Bregman version of a map
    without inverse, for a free mixing without clamp, for weight normalisation with the deterministic start,
    and for a Bregman network whose hidden layers change their width with a map learned per channel, since R z
    mixes channels of several maps; for values of other classes.
    """
    widths = list(widths)
    _check_options(widths, in_features, num_classes, init, weight_norm)
    if mixing not in MIXINGS:
        raise ValueError(f"mixing={mixing!r} does not exist; use one of {', '.join(MIXINGS)}.")
    if version == "bregman":
        _check_mixing(act, in_features, widths, mixing, clamp)
    version = check_version(version)
    return MLP(widths, act, version, in_features, num_classes, init, clamp, weight_norm, mixing, values)


def _check_mixing(
    act: Activation, in_features: int, widths: list[int], mixing: str, clamp: float | None
) -> None:
    if mixing == "free" and clamp is None:
        raise ValueError("mixing='free' can leave the range of the map: it needs a clamp, such as 1e-5.")
    if isinstance(act, AsReleased) and mixing != "free" and {in_features, *widths} != {in_features}:
        raise ValueError(
            f"activation {act.name!r} is for layers of one width, as in the inputs; widths={widths} and "
            f"in_features={in_features} differ: use one width, or mixing='free'."
        )
    if act.learn == "channel" and len(set(widths)) > 1:
        raise ValueError(
            f"act.learn=channel is for hidden layers of one width, since a mixture of channels has no map of "
            f"its own; widths={widths} differ: use act.learn=layer, or one width."
        )


def _check_options(
    widths: list[int], in_features: int, num_classes: int, init: str, weight_norm: bool
) -> None:
    if not widths or min([*widths, in_features]) < 1:
        raise ValueError(
            f"widths={widths}, in_features={in_features}: give at least one layer, and every width ≥ 1."
        )
    if num_classes < 2:
        raise ValueError(f"num_classes={num_classes}: a classifier needs at least 2.")
    if init not in INITS:
        raise ValueError(f"init={init!r} does not exist; use one of {', '.join(INITS)}.")
    if weight_norm and init == "deterministic":
        raise ValueError(
            "weight_norm=true cannot be used with init=deterministic: rows of hidden weights start at zero, "
            "which has no direction; use init=random."
        )
