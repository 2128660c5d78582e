"""Multilayer perceptrons: standard, euclidean and Bregman, one class with one switch."""

import copy
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm as add_weight_norm

from bregman_exp.geometry import Activation, LegendreMap
from bregman_exp.geometry.as_released import AsReleased
from bregman_exp.models import interval as bounds
from bregman_exp.models.input_map import onto_interval
from bregman_exp.models.nearest_value import NearestValue, output_layer
from bregman_exp.models.simplex import SimplexRows
from bregman_exp.models.surrogates import straight_through
from bregman_exp.models.version import DualClamp, check_version, dual_clamp

INITS = ("random", "deterministic")


class Layer(nn.Module):
    """One hidden layer, in the dual variable u; z = ρ(u).

        standard    u' = W z + b
        euclidean   u' = R z + W z + b
        bregman     u' = clamp(ρ⁻¹(R ρ(u))) + W z + b

    R is the identity if the width does not change (then ρ⁻¹(R z) is u, and no inverse is computed), else a
    learned matrix with rows on the simplex.

    Shapes: u, z (N, in_features) -> (N, out_features).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        act: Activation,
        version: str,
        clamp_dual: DualClamp,
        init: str,
        weight_norm: bool,
    ):
        super().__init__()
        self.act, self.version, self.clamp_dual = act, version, clamp_dual
        self.linear = nn.Linear(in_features, out_features)
        changes_width = in_features != out_features and version != "standard"
        self.mixing = SimplexRows(in_features, out_features, init) if changes_width else None
        if init == "deterministic":
            _start_at_identity(self.linear) if version == "standard" else _start_at_zero(self.linear)
        if weight_norm:
            add_weight_norm(self.linear)

    def forward(self, u: Tensor, z: Tensor) -> Tensor:
        update = self.linear(z)
        if self.version == "standard":
            return update
        return update + (self._bregman_skip(u) if self.version == "bregman" else self._euclidean_skip(z))

    def enclose(self, u: bounds.Enclosure, z: bounds.Enclosure) -> bounds.Enclosure:
        """The enclosure of the layer's output; a Bregman layer uses only u, since z = ρ(u)."""
        weight, bias = self.linear.weight, self.linear.bias
        mixing = None if self.mixing is None else self.mixing.weight
        if self.version == "bregman":
            return bounds.bregman_step(u, cast(LegendreMap, self.act), weight, bias, self.clamp_dual, mixing)
        if self.version == "euclidean":  # one matrix, so that skip and update can cancel
            weight = weight + (torch.eye(len(weight)).to(weight) if mixing is None else mixing)
        return bounds.affine(z, weight, bias)

    def _bregman_skip(self, u: Tensor) -> Tensor:
        if self.mixing is not None:
            u = cast(LegendreMap, self.act).dual_average(u, self.mixing.weight)
        return self.clamp_dual(u)

    def _euclidean_skip(self, z: Tensor) -> Tensor:
        return z if self.mixing is None else z @ self.mixing.weight.T


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
        values: Sequence[float] | None,
    ):
        super().__init__()
        self.act, self.version, self.clamp = act, check_version(version), clamp
        self.input_map = onto_interval(*act.input_interval)
        clamp_dual = dual_clamp(act, version, clamp)
        self.layers = nn.ModuleList(
            Layer(n_in, n_out, act, version, clamp_dual, init, weight_norm)
            for n_in, n_out in zip([in_features, *widths], widths, strict=False)
        )
        self.output = output_layer(widths[-1], num_classes, values)
        if init == "deterministic":
            _start_uniform(self.output)

    def extra_repr(self) -> str:
        return f"act={self.act}, version={self.version}, clamp={self.clamp}"

    def forward(self, x: Tensor) -> Tensor:
        z = self.input_map(x.flatten(1))  # (N, in_features), inside the range of ρ
        # The only inverse of the pass, if no layer changes its width: u is carried from layer to layer.
        u = self._dual(z) if self.version == "bregman" else z
        for layer in self.layers:
            u = layer(u, z)
            z = self.act.act(u)
        return self.output(z)  # (N, num_classes)

    def _dual(self, z: Tensor) -> Tensor:
        """The u of which z is ρ(u)."""
        return (
            self.act.dual(z) if isinstance(self.act, AsReleased) else cast(LegendreMap, self.act).inverse(z)
        )

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
            inverse = cast(LegendreMap, self.act).inverse
            least, most = bounds.slope_range(self.act, *bounds.outward(inverse(z.lo), inverse(z.hi)))
            u = bounds.increasing(z, inverse, (1 / most, 1 / least))
        for layer in self.layers:
            u = cast(Layer, layer).enclose(u, z)
            z = bounds.increasing(u, self.act.act, bounds.slope_range(self.act, u.lo, u.hi))
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
    values: Sequence[float] | None = None,
) -> MLP:
    """A multilayer perceptron with hidden layers of the given widths and a linear output layer.

    z⁰ is the data, mapped affinely from [0, 1] into the domain of Φ. Each layer is (Frecon et al., "Bregman
    Neural Networks", ICML 2022):

        standard    z ← ρ(W z + b)
        euclidean   z ← ρ(z + W z + b)
        bregman     z ← ρ(ρ⁻¹(z) + W z + b)

    A Bregman or euclidean layer whose width changes replaces the skipped z by R z, R learned with rows on the
    probability simplex. ``init="deterministic"``: standard hidden layers start at the identity, the others
    at zero, the output layer at 1/width everywhere; ``"random"``: uniform in ±1/√width (torch's default).
    ``clamp``: c of clamp(z, lo + c, hi − c) before ρ⁻¹, None for the exact formula; Bregman only.
    ``values``: of the classes, for regression: the network has one output f and the logits −(f(x) − v_k)².

    Shapes: x (N, in_features) in [0, 1] -> logits (N, num_classes).

    Raises ValueError for a width, version, init or clamp that is not allowed, for a Bregman version of a map
    without inverse, for weight normalisation with the deterministic start, and for values of other classes.
    """
    widths = list(widths)
    _check_options(widths, in_features, num_classes, init, weight_norm)
    if isinstance(act, AsReleased) and version == "bregman" and {in_features, *widths} != {in_features}:
        raise ValueError(
            f"activation {act.name!r} is for layers of one width, as in the inputs; widths={widths} and "
            f"in_features={in_features} differ."
        )
    return MLP(widths, act, version, in_features, num_classes, init, clamp, weight_norm, values)


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


@torch.no_grad()
def _start_at_zero(linear: nn.Linear) -> None:
    linear.weight.zero_()
    linear.bias.zero_()


@torch.no_grad()
def _start_at_identity(linear: nn.Linear) -> None:
    nn.init.eye_(linear.weight)
    linear.bias.zero_()


@torch.no_grad()
def _start_uniform(linear: nn.Linear) -> None:
    linear.weight.fill_(1 / linear.in_features)
    linear.bias.fill_(1 / linear.in_features)
