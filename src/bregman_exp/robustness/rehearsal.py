"""A library's attack is tried on a stand-in before the network is trained: what cannot run is said then."""

import time

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import Attack
from bregman_exp.robustness.isolation import evaluating
from bregman_exp.robustness.threat import Threat
from bregman_exp.robustness.victim import Victim

SAMPLES = 3
PATIENCE = 2.0  # seconds; what has run so long runs


def tried(attack: Attack, threat: Threat, shape: torch.Size, classes: int) -> None:
    """Lets the attack find points of a linear network of these inputs and classes; raises what it raises.

    What takes long is not waited for.
    """
    random = generator(0, "rehearsal")
    x, ids = torch.rand((SAMPLES, *shape), generator=random), torch.arange(SAMPLES)
    with evaluating(_StandIn(shape.numel(), classes, random)) as used:
        try:
            attack.find(Victim(used), x, used(x).argmax(dim=1), ids, threat)
        except _LongEnough:
            return


class _LongEnough(BaseException):
    """No error of the attack, and nothing that a library catches."""


class _StandIn(nn.Module):
    """A linear network, which stops whoever asks it for too long."""

    def __init__(self, features: int, classes: int, random: torch.Generator):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features, classes, generator=random) / features**0.5)
        self.end = time.monotonic() + PATIENCE

    def forward(self, x: Tensor) -> Tensor:
        if time.monotonic() > self.end:
            raise _LongEnough
        return x.flatten(1) @ self.weight
