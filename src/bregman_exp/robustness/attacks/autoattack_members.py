"""The attacks that AutoAttack consists of, with the settings of the authors' program."""

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

from bregman_exp.robustness.attacks.autoattack import MIN_CLASSES
from bregman_exp.robustness.attacks.loss import margin
from bregman_exp.robustness.attacks.random_search import QUERIES, random_search
from bregman_exp.robustness.threat import Norm, Threat

MIN_HEIGHT = 5  # pixels: in ℓ2 Square starts from tiles of a fifth of the image's height

Perturb = Callable[[Tensor, Tensor], Tensor]  # images (n, c, h, w) in [0, 1], labels (n,) -> points like them

_SILENT = logging.Logger("autoattack")  # without the root logger: the program's warnings are not printed
_SILENT.addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Members:
    """The attacks by name, for a model with ``classes`` classes on images of ``height`` rows.

    steps are those of APGD and FAB; targets is the largest number of target classes. Each attack seeds the
    global generator with ``seed``; random_search uses ``random``.
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
        """The attack and its name, which differs from ``name`` if random_search replaces Square."""
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
        if self.classes < MIN_CLASSES:
            raise ValueError(
                f"targeted attacks need {MIN_CLASSES} classes, the model has {self.classes}; "
                "use attack=autoattack-lt4."
            )
        return min(self.targets, self.classes - 1)

    def _apgd(self, cls: type[APGDAttack] = APGDAttack, **more: Any) -> APGDAttack:
        return cls(self.model, n_iter=self.steps, logger=_SILENT, **self._shared, **more)  # pyright: ignore

    def _apgd_targeted(self) -> APGDAttack:
        return self._apgd(APGDAttack_targeted, n_target_classes=self._n_targets)

    def _fab(self, **more: Any) -> FABAttack_PT:
        return FABAttack_PT(self.model, n_iter=self.steps, **self._shared, **more)

    def _fab_targeted(self) -> FABAttack_PT:
        return self._fab(targeted=True, n_target_classes=self._n_targets)

    def _square(self) -> tuple[str, Perturb]:
        if self.threat.norm is Norm.LINF or self.height >= MIN_HEIGHT:
            square = _Square(self.model, n_queries=QUERIES, resc_schedule=False, **self._shared)
            return "square", square.perturb
        search = partial(random_search, threat=self.threat, queries=QUERIES, random=self.random)
        return "random-search", partial(search, self.model)


class _MarginAPGD(APGDAttack):
    """APGD on the margin max_{k≠y} z_k − z_y instead of the DLR loss, which needs three classes."""

    def __init__(self, model: nn.Module, **settings: Any):
        super().__init__(model, loss="dlr", **settings)

    def dlr_loss(self, x: Tensor, y: Tensor) -> Tensor:
        return margin(x, y)


class _Square(SquareAttack):
    """Square on the samples with a positive lead only.

    It takes samples with a tie between two classes as broken, and fails if no other sample is left.
    """

    def perturb(self, x: Tensor, y: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        points, leads = x.clone(), margin(self.predict(x), y) < 0
        if leads.any():
            points[leads] = super().perturb(x[leads], y[leads])
        return points
