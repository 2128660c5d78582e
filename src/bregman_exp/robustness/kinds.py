"""Every attack by name: the norms it does, the settings it has, and the function behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attacks.autoattack import PROGRAMS, autoattack
from bregman_exp.robustness.attacks.exact import exact
from bregman_exp.robustness.attacks.found import Found
from bregman_exp.robustness.attacks.hard_label import hard_label
from bregman_exp.robustness.attacks.minimal_norm import minimal_norm
from bregman_exp.robustness.attacks.noise import gaussian_noise, uniform_noise
from bregman_exp.robustness.attacks.pgd import pgd
from bregman_exp.robustness.attacks.random_search import QUERIES, random_search
from bregman_exp.robustness.attacks.single_step import single_step
from bregman_exp.robustness.attacks.torchattack import torchattack
from bregman_exp.robustness.threat import NORMS, Threat
from bregman_exp.robustness.victim import Victim

# (victim, x, y, ids, threat, **settings) -> points, not yet verified
Run = Callable[..., Tensor | Found]


@dataclass(frozen=True)
class Kind:
    """``run``: None for a suite, whose members run. ``settings``: the fields of AttackSpec that it has beside
    attack, norm and eps; ``defaults``: its own values of those that AttackSpec leaves open. ``strength``: its
    place in the order noise (0), one step (1), PGD (2), suite (4), proof (5), if it has one."""

    norms: tuple[str, ...]
    run: Run | None
    settings: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    below_four_classes: str | None = None  # the name of the attack that stands in
    draws_by_batch: bool = False  # its random numbers belong to a batch, not to a sample
    strength: int | None = None
    gradients: bool = False  # it follows the gradient of the model's loss
    nearest: bool = False  # one search answers for every ε
    package: str | None = None  # that it comes from


def _noise(
    draw: Callable[..., Tensor],
    victim: Victim,
    x: Tensor,
    y: Tensor,
    ids: Tensor,
    threat: Threat,
    restarts: int,
) -> Tensor:
    return draw(victim.model, x, y, threat, draws=restarts, ids=ids, seed=victim.seed)


def _single_step(victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat, loss: str) -> Tensor:
    return single_step(victim.model, x, y, threat, loss=loss)


def _pgd(
    victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat, through: str | None, **settings: Any
) -> Found:
    gradient_of = None if through is None else victim.twin(through)
    return pgd(victim.model, x, y, threat, gradient_of=gradient_of, ids=ids, seed=victim.seed, **settings)


def _transfer(victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat, **settings: Any) -> Tensor:
    """PGD on the source, to the end: its points are shown to the attacked model as they are."""
    source = victim.transfer_source
    return pgd(source, x, y, threat, early_stop=False, ids=ids, seed=victim.seed, **settings).points


def _minimal_norm(victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat, steps: int) -> Found:
    points, distances = minimal_norm(victim.model, x, y, threat.norm, steps=steps, ids=ids, seed=victim.seed)
    return Found(points, distances=distances)


@torch.no_grad()
def _random_search(victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor:
    random = generator(victim.seed, "random-search", int(ids[0]))
    return random_search(victim.model, x, y, threat, queries=QUERIES, random=random)


def _hard_label(victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor:
    random = generator(victim.seed, "hard-label", int(ids[0]))
    return hard_label(victim.model, x, y, threat, random=random)


def _torchattack(
    victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat, **settings: Any
) -> Tensor:
    return torchattack(victim.model, x, y, threat, ids=ids, seed=victim.seed, **settings)


def _autoattack(name: str, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Found:
    return autoattack(victim.model, x, y, threat, program=PROGRAMS[name], ids=ids, seed=victim.seed)


def _exact(victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Found:
    return exact(victim.model, x, y, threat)


def _of_autoattack(name: str, **more: Any) -> Kind:
    gradients = name != "square"
    run = partial(_autoattack, name)
    return Kind(NORMS, run, draws_by_batch=True, gradients=gradients, package="pyautoattack", **more)


DESCENT = ("steps", "rel_step", "restarts", "random_start", "loss")
PGD = (*DESCENT, "early_stop", "through", "precision")
ONCE = {"steps": 1, "restarts": 1}
PGD_DEFAULTS = {"steps": 50, "restarts": 1}
UNIFORM = Kind(NORMS, partial(_noise, uniform_noise), ("restarts",), {"restarts": 1}, strength=0)
ONE_STEP = Kind(("linf",), _single_step, ("loss",), ONCE, strength=1, gradients=True)

ATTACKS: dict[str, Kind] = {
    "uniform_noise": UNIFORM,
    "gaussian_noise": replace(UNIFORM, run=partial(_noise, gaussian_noise)),
    "fgsm": ONE_STEP,
    "fgm": replace(ONE_STEP, norms=("l2",)),
    "pgd": Kind(NORMS, _pgd, PGD, PGD_DEFAULTS, strength=2, gradients=True),
    "suite": Kind(NORMS, None, ("members",), draws_by_batch=True, strength=4, gradients=True),
    "fmn": Kind(NORMS, _minimal_norm, ("steps",), {"steps": 100}, gradients=True, nearest=True),
    "transfer": Kind(NORMS, _transfer, (*DESCENT, "source"), PGD_DEFAULTS),
    "random_search": Kind(NORMS, _random_search, draws_by_batch=True),
    "hard_label": Kind(NORMS, _hard_label, draws_by_batch=True),
    "torchattacks": Kind(NORMS, _torchattack, ("cls", "parameters"), draws_by_batch=True, gradients=True),
    "autoattack": _of_autoattack("autoattack", strength=4, below_four_classes="autoattack-lt4"),
    "autoattack-lt4": _of_autoattack("autoattack-lt4", strength=4),
    "autoattack_rapid": _of_autoattack("autoattack_rapid", below_four_classes="autoattack_rapid-lt4"),
    "autoattack_rapid-lt4": _of_autoattack("autoattack_rapid-lt4"),
    "apgd-ce": _of_autoattack("apgd-ce"),
    "apgd-margin": _of_autoattack("apgd-margin"),
    "apgd-t": _of_autoattack("apgd-t", below_four_classes="apgd-margin"),
    "fab": _of_autoattack("fab"),
    "fab-t": _of_autoattack("fab-t", below_four_classes="fab"),
    "square": _of_autoattack("square"),
    "exact": Kind(NORMS, _exact, strength=5),
}
