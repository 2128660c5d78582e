"""A library's attack is tried on a stand-in before the network is trained: what cannot run is said then."""

import time
from dataclasses import replace

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attacks.torchattack import torchattack
from bregman_exp.robustness.isolation import evaluating
from bregman_exp.robustness.spec import AttackSpec
from bregman_exp.robustness.victim import Victim

SAMPLES = 3
TINY = 1e-6  # ε: nothing is found in it, so that every part of a program has its turn
PATIENCE = 2.0  # seconds; what has run so long runs


def rehearse(spec: AttackSpec, model: nn.Module, shape: torch.Size, classes: int) -> None:
    """Tries an attack that may not suit so many classes, inputs of this ``shape``, or this model.

    A class of torchattacks attacks a linear stand-in, with its own settings, for two seconds at most;
    attack=exact is shown the model with ε = 0. The members of a suite are tried one by one. The project's
    other attacks run on whatever ``AttackSpec.check_fits`` lets pass.

    Raises ValueError, in one sentence, where the attack cannot run.
    """
    for member in spec.given_members() if spec.members is not None else []:
        rehearse(member, model, shape, classes)
    random = generator(0, "rehearsal")
    x, ids = torch.rand((SAMPLES, *shape), generator=random), torch.arange(SAMPLES)
    if spec.attack == "exact":
        with evaluating(model) as used:
            like = next(used.parameters(), x)
            replace(spec, eps=0.0).find(Victim(used), x.to(like), torch.zeros_like(ids).to(like.device), ids)
    if spec.attack != "torchattacks":
        return
    assert spec.cls is not None
    stand_in = _StandIn(shape.numel(), classes, random)
    with evaluating(stand_in) as used:
        try:
            y = used(x).argmax(dim=1)
            threat = replace(spec, eps=min(spec.eps, TINY)).threat
            torchattack(used, x, y, threat, cls=spec.cls, parameters=spec.parameters, ids=ids)
        except _LongEnough:
            return
        except Exception as error:
            raise ValueError(
                f"torchattacks.{spec.cls} cannot attack {classes} classes, inputs of shape {tuple(shape)}: "
                f"{type(error).__name__}: {error}; take another class or other parameters."
            ) from error


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
