"""Twins of a network that hand out gradients where the network itself hides them."""

import copy
from typing import TypeVar

from torch import Tensor, nn

from bregman_exp.geometry import Activation
from bregman_exp.models.version import DualClamp

Network = TypeVar("Network", bound=nn.Module)


class StraightThrough(nn.Module):
    """A network's logits, bit for bit, whose gradient takes every clamp for the identity.

    It shares the network's weights (see :func:`twin`), and has only a forward pass: ``interval`` would take
    the gradient that is passed here for the slope of the function.

    Shapes: those of the network.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = twin(network)
        self.training = network.training
        for module, name, part in _clamped_parts(self.network):
            setattr(module, name, part.straight_through())

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


def straight_through(network: nn.Module) -> dict[str, nn.Module]:
    """{"straight-through": the twin that passes every clamp}, empty for a network that has none."""
    return {"straight-through": StraightThrough(network)} if _clamped_parts(network) else {}


def twin(network: Network) -> Network:
    """The same network on the same weights and buffers: what changes in one changes in both.

    Its parts and training flags are its own; in training mode it updates the batch statistics they share.
    """
    # the dictionaries themselves are shared, so that a later .to(...), which replaces buffers, is followed
    shared = [vars(module)[kind] for module in network.modules() for kind in ("_parameters", "_buffers")]
    return copy.deepcopy(network, {id(tensors): tensors for tensors in shared})


def _clamped_parts(network: nn.Module) -> list[tuple[nn.Module, str, Activation | DualClamp]]:
    """(module, attribute, part) wherever a map or a skip holds the dual variable within finite bounds."""
    return [
        (module, name, part)
        for module in network.modules()
        for name, part in vars(module).items()
        if isinstance(part, Activation | DualClamp) and part.straight_through() is not part
    ]
