"""Surrogates of a network: the same logits, with gradients where the network itself has none."""

import copy
from typing import TypeVar

from torch import Tensor, nn

from bregman_exp.models.layer_map import LayerMap

Network = TypeVar("Network", bound=nn.Module)


class StraightThrough(nn.Module):
    """A network's logits, bit for bit, with a gradient that treats every clamp as the identity.

    It shares the network's weights (see :func:`twin`). It has no ``interval``, which would mistake this
    gradient for the slope of the function.

    Shapes: those of the network.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = twin(network)
        self.training = network.training
        for rho in _maps(self.network):
            rho.pass_clamps()

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


def straight_through(network: nn.Module) -> dict[str, nn.Module]:
    """{"straight-through": the surrogate of this name}, empty for a network without a clamp."""
    clamps = any(rho.clamps for rho in _maps(network))
    return {"straight-through": StraightThrough(network)} if clamps else {}


def twin(network: Network) -> Network:
    """A copy that shares weights and buffers with the network: a change in either shows in both.

    Submodules and training flags are its own. In training mode it updates the shared batch statistics.
    """
    # The dictionaries themselves are shared: the copy follows a later .to(...), which replaces buffers.
    shared = [vars(module)[kind] for module in network.modules() for kind in ("_parameters", "_buffers")]
    return copy.deepcopy(network, {id(tensors): tensors for tensors in shared})


def _maps(network: nn.Module) -> list[LayerMap]:
    return [module for module in network.modules() if isinstance(module, LayerMap)]
