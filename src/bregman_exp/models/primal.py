"""The layers as their formulas are written, in the primal variable z: the reference for tests.

    MLP     z ← ρ(ρ⁻¹(clamp(R z)) + W z + b)
    ResNet  z ← ρ(ρ⁻¹(clamp(z)) + Conv2[ρ(Conv1[z])])

with clamp(z) = min(max(z, lo + c), hi − c). Where each layer has its own map, ρ⁻¹ and the range are those of
the map that made z, and ρ is the layer's own (models/layer_map.py). This form computes ρ⁻¹ of a rounded ρ(u)
in every layer. It is slower and less exact than the dual form, and it overflows in half precision.
"""

from typing import cast

from torch import Tensor, nn

from bregman_exp.geometry import as_legendre
from bregman_exp.geometry.clamping import clamp_between
from bregman_exp.models.blocks import value
from bregman_exp.models.layer_map import LayerMap
from bregman_exp.models.mlp import MLP
from bregman_exp.models.mlp_layer import Layer
from bregman_exp.models.resnet import ResNet
from bregman_exp.models.surrogates import twin


class PrimalForm(nn.Module):
    """A Bregman model that computes its logits by :func:`primal_forward`.

    Where ρ(u) rounds to an end of the range, ρ⁻¹ loses u and the gradient; the surrogate "dual-form" keeps
    both.

    Shapes: those of the model. Raises ValueError for a model that is not of the Bregman version.
    """

    def __init__(self, model: MLP | ResNet):
        super().__init__()
        _check_bregman(model)
        self.model = model
        self.training = model.training

    def forward(self, x: Tensor) -> Tensor:
        return primal_forward(self.model, x)

    def surrogates(self) -> dict[str, nn.Module]:
        """The model in its own dual form, as "dual-form", and the model's own surrogates."""
        return {"dual-form": twin(self.model), **self.model.surrogates()}


def primal_forward(model: MLP | ResNet, x: Tensor) -> Tensor:
    """The logits of a Bregman model, computed in the primal space.

    Raises ValueError for a model that is not of the Bregman version.
    """
    _check_bregman(model)
    return _mlp(model, x) if isinstance(model, MLP) else _resnet(model, x)


def _check_bregman(model: MLP | ResNet) -> None:
    if model.version != "bregman":
        raise ValueError(f"the {model.version} version has no primal form; only Bregman models do.")


def _inverse_of_clamped(rho: LayerMap, z: Tensor, clamp: float | None) -> Tensor:
    act = as_legendre(rho.act)
    lo, hi = act.range
    return act.inverse(z if clamp is None else clamp_between(z, lo + clamp, hi - clamp))


def _mlp(model: MLP, x: Tensor) -> Tensor:
    z = model.input_map(x.flatten(1))
    for layer, before in zip(map(lambda module: cast(Layer, module), model.layers), model.maps, strict=False):
        skipped = z if layer.mixing is None else z @ layer.mixing.weight.T
        z = layer.rho(_inverse_of_clamped(before, skipped, model.clamp) + layer.linear(z))
    return model.output(z)


def _resnet(model: ResNet, x: Tensor) -> Tensor:
    def split(rho: LayerMap, u: Tensor) -> tuple[Tensor, Tensor]:
        z = rho(u)
        return z, _inverse_of_clamped(rho, z, model.clamp)

    u = model.stem(x)
    for block in model.blocks():
        u = block.step(u, split, value)
    return model.head(model.rho(u))
