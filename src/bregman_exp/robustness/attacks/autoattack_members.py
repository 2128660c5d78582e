"""The attacks that AutoAttack is made of, as the authors' program has them and sets them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from pyautoattack.fab_pt import FABAttack_PT
from pyautoattack.square import SquareAttack
from torch import Tensor, nn

from bregman_exp.robustness.attacks.autoattack import FEWEST_CLASSES
from bregman_exp.robustness.attacks.loss import margin
from bregman_exp.robustness.attacks.random_search import QUERIES, random_search
from bregman_exp.robustness.threat import Norm, Threat

LEAST_HEIGHT = 5  # pixels: in ℓ2 the start of Square tiles the image by fifths of its height

Perturb = Callable[[Tensor, Tensor], Tensor]  # images (n, c, h, w) in [0, 1], labels (n,) -> points like them

_SILENT = logging.Logger("autoattack")  # a root of its own: the program's warnings are no output of ours
_SILENT.addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Members:
    """Each attack by name, for one model of ``classes`` classes on images of ``height`` pixels.

    steps are those of APGD and FAB; targets is the number of target classes, or fewer where there are fewer.
    Each starts from the state ``seed`` of the global generator, random_search from ``random``.
    """

    model: nn.Module
    threat: Threat
    seed: int
    random: torch.Generator
    device: torch.device
    classes: int
    height: int
    steps: int
    targets: int

    def named(self, name: str) -> tuple[str, Perturb]:
        """The attack with the name it goes by: Square's stand-in has another."""
        if name == "square":
            return self._square()
        return name, {
            "apgd-ce": self._apgd,
            "apgd-margin": partial(self._apgd, _MarginAPGD),
            "apgd-t": self._apgd_targeted,
            "fab": self._fab,
            "fab-t": self._fab_targeted,
        }[name]().perturb

    @property
    def _shared(self) -> dict[str, Any]:
        norm = {"linf": "Linf", "l2": "L2"}[self.threat.norm]
        return {"norm": norm, "eps": self.threat.eps, "seed": self.seed, "device": self.device}

    @property
    def _n_targets(self) -> int:
        if self.classes < FEWEST_CLASSES:
            raise ValueError(
                f"targeted attacks need {FEWEST_CLASSES} classes, the model has {self.classes}; "
                "use attack=autoattack-lt4."
            )
        return min(self.targets, self.classes - 1)

    def _apgd(self, kind: type[APGDAttack] = APGDAttack, **more: Any) -> APGDAttack:
        return kind(self.model, n_iter=self.steps, logger=_SILENT, **self._shared, **more)  # pyright: ignore

    def _apgd_targeted(self) -> APGDAttack:
        return self._apgd(APGDAttack_targeted, n_target_classes=self._n_targets)

    def _fab(self, **more: Any) -> FABAttack_PT:
        return FABAttack_PT(self.model, n_iter=self.steps, **self._shared, **more)

    def _fab_targeted(self) -> FABAttack_PT:
        return self._fab(targeted=True, n_target_classes=self._n_targets)

    def _square(self) -> tuple[str, Perturb]:
        if self.threat.norm is Norm.LINF or self.height >= LEAST_HEIGHT:
            square = _Square(self.model, n_queries=QUERIES, resc_schedule=False, **self._shared)
            return "square", square.perturb
        search = partial(random_search, threat=self.threat, queries=QUERIES, random=self.random)
        return "random-search", partial(search, self.model)


class _MarginAPGD(APGDAttack):
    """APGD on the margin max_{k≠y} z_k − z_y, in the place of a DLR loss that needs three classes."""

    def __init__(self, model: nn.Module, **settings: Any):
        super().__init__(model, loss="dlr", **settings)

    def dlr_loss(self, x: Tensor, y: Tensor) -> Tensor:
        return margin(x, y)


class _Square(SquareAttack):
    """Square without the samples where another class has drawn level: it takes those for broken, and fails
    where no other is left."""

    def perturb(self, x: Tensor, y: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        points, lead = x.clone(), margin(self.predict(x), y) < 0
        if lead.any():
            points[lead] = super().perturb(x[lead], y[lead])
        return points
