"""A rehearsal before training: a library's attack is tried on a linear model, so that it fails early."""

import time

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import Attack
from bregman_exp.robustness.isolation import evaluating
from bregman_exp.robustness.threat import Threat
from bregman_exp.robustness.victim import Victim

SAMPLES = 3
PATIENCE = 2.0  # seconds; an attack that has run so long is taken to work


def rehearse(attack: Attack, threat: Threat, shape: torch.Size, classes: int) -> None:
    """Runs the attack on a linear network with these inputs and classes, for 2 s; raises what it raises."""
    random = generator(0, "rehearsal")
    x, ids = torch.rand((SAMPLES, *shape), generator=random), torch.arange(SAMPLES)
    with evaluating(_Linear(shape.numel(), classes, random)) as used:
        try:
            attack.find(Victim(used), x, used(x).argmax(dim=1), ids, threat)
        except _TimeUpError:
            return


class _TimeUpError(BaseException):
    """Not an Exception, so that no library catches it."""


class _Linear(nn.Module):
    """A linear network that raises _TimeUpError after PATIENCE seconds."""

    def __init__(self, features: int, classes: int, random: torch.Generator):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features, classes, generator=random) / features**0.5)
        self.end = time.monotonic() + PATIENCE

    def forward(self, x: Tensor) -> Tensor:
        if time.monotonic() > self.end:
            raise _TimeUpError
        return x.flatten(1) @ self.weight
