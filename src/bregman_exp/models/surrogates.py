"""Surrogates of a network: the same logits, with gradients where the network itself has none."""

import copy
from typing import TypeVar

from torch import Tensor, nn

from bregman_exp.geometry import Activation
from bregman_exp.models.version import DualClamp

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
        for module, name, part in _clamped_parts(self.network):
            setattr(module, name, part.straight_through())

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


def straight_through(network: nn.Module) -> dict[str, nn.Module]:
    """{"straight-through": the surrogate of this name}, empty for a network without a clamp."""
    return {"straight-through": StraightThrough(network)} if _clamped_parts(network) else {}


def twin(network: Network) -> Network:
    """A copy that shares weights and buffers with the network: a change in either shows in both.

    Submodules and training flags are its own. In training mode it updates the shared batch statistics.
    """
    # The dictionaries themselves are shared: the copy follows a later .to(...), which replaces buffers.
    shared = [vars(module)[kind] for module in network.modules() for kind in ("_parameters", "_buffers")]
    return copy.deepcopy(network, {id(tensors): tensors for tensors in shared})


def _clamped_parts(network: nn.Module) -> list[tuple[nn.Module, str, Activation | DualClamp]]:
    """(module, attribute, part) for each activation or skip that clamps the dual variable."""
    return [
        (module, name, part)
        for module in network.modules()
        for name, part in vars(module).items()
        if isinstance(part, Activation | DualClamp) and part.straight_through() is not part
    ]
