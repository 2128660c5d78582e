"""Any class of torchattacks by name, made harmless."""

import contextlib
import inspect
import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import Attack, setting
from bregman_exp.robustness.attacks.as_images import AsImages
from bregman_exp.robustness.attacks.function import seed_everything
from bregman_exp.robustness.packages import require_package
from bregman_exp.robustness.rehearsal import tried
from bregman_exp.robustness.threat import TOLERANCE, Norm, Threat, per_sample
from bregman_exp.robustness.victim import Victim

# classes whose perturbation is bounded in ℓ2; those with an eps and no norm are bounded in ℓ∞ otherwise
L2_CLASSES = {"PGDL2", "PGDRSL2", "CW", "DeepFool", "EADEN"}
TINY = 1e-6  # ε of a rehearsal: nothing is found in it, so that every part of a program has its turn


@dataclass(frozen=True)
class TorchAttack(Attack):
    """The points found by ``torchattacks.<cls>(model, eps=ε, alpha=ε/4, **parameters)``.

    The library's own defaults of eps and alpha are absolute sizes and are never used; n_classes, which it
    takes to be 10, is the model's. An attack without an eps (CW, DeepFool, …) looks for the nearest
    adversarial point: where that is further than ε the attack has failed and the clean point is returned.
    Points that are no images are shown to the attack as (N, d, 1, 1).
    """

    name = "torchattacks"
    gradients = draws_by_batch = True

    cls: str = setting(lambda value: isinstance(value, str), ": it must be a name", default="")
    parameters: Mapping[str, Any] = setting(
        lambda value: isinstance(value, Mapping), ": give the attack's settings by name", default_factory=dict
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.cls:
            raise ValueError("attack=torchattacks needs cls, the name of a torchattacks class such as PGD.")
        allowed = [name for name in self._known if name not in ("self", "model", "eps", "norm", "device")]
        unknown = [name for name in self.parameters if name not in allowed]
        if unknown:
            raise ValueError(
                f"torchattacks.{self.cls} has no parameter {unknown[0]!r}; it has {', '.join(allowed)} "
                "(eps and norm come from the entry)."
            )

    @property
    def variant(self) -> tuple[str | None, ...]:
        return (self.cls,)

    @property
    def _known(self) -> Mapping[str, Any]:
        """The names that the class's constructor takes."""
        return inspect.signature(torchattacks_class(self.cls).__init__).parameters

    def to_json(self) -> dict[str, Any]:
        settings = super().to_json()
        return {name: settings[name] for name in settings if name != "cls"} | {"class": self.cls}

    def check_norm(self, norm: Norm) -> None:
        only = Norm.L2 if self.cls in L2_CLASSES else Norm.LINF
        if "norm" not in self._known and norm is not only:
            raise ValueError(f"torchattacks.{self.cls} cannot do norm={norm}; it does {only}.")

    def rehearse(self, threat: Threat, model: nn.Module, shape: torch.Size, classes: int) -> None:
        """Lets it attack a linear stand-in, with its own settings, for a short time."""
        try:
            tried(self, replace(threat, eps=min(threat.eps, TINY)), shape, classes)
        except Exception as error:
            raise ValueError(
                f"torchattacks.{self.cls} cannot attack {classes} classes, inputs of shape {tuple(shape)}: "
                f"{type(error).__name__}: {error}; take another class or other parameters."
            ) from error

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor:
        if threat.eps == 0 or len(x) == 0:
            return x.clone()
        known, viewed = self._known, AsImages(victim.model, x.shape[1:])
        settings = _settings(known, threat, self.parameters)
        if "n_classes" in known and "n_classes" not in self.parameters:
            with torch.no_grad():
                settings["n_classes"] = victim.model(x[:1]).shape[1]
        attack = _build(torchattacks_class(self.cls), viewed.eval(), settings)
        seed_everything(generator(victim.seed, self.cls, int(ids[0])).initial_seed())
        with contextlib.redirect_stdout(io.StringIO()):
            points = attack(viewed.image(x).contiguous(), y).detach().view_as(x)
        if "eps" in known:
            return points
        violation = threat.violation(points, x)
        # a NaN is no failure to find: verification must see it
        far = (violation > TOLERANCE) & violation.isfinite()
        return torch.where(per_sample(far, x), x, points)


def torchattacks_class(cls: str) -> type:
    """The class of this name; ValueError with those there are."""
    kinds = _classes()
    if cls not in kinds:
        raise ValueError(f"torchattacks has no attack cls={cls!r}; it has {', '.join(sorted(kinds))}.")
    return kinds[cls]


def _classes() -> dict[str, type]:
    require_package("torchattacks")
    with warnings.catch_warnings():  # its dependencies warn about one another's versions
        warnings.simplefilter("ignore")
        import torchattacks
        from torchattacks.attack import Attack as Theirs

    found = {name: getattr(torchattacks, name) for name in torchattacks.__all__}
    return {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, Theirs)}


def _settings(known: Mapping[str, Any], threat: Threat, parameters: Mapping[str, Any]) -> dict[str, Any]:
    derived = {"eps": threat.eps, "alpha": threat.eps / 4, "norm": {"linf": "Linf", "l2": "L2"}[threat.norm]}
    return {name: value for name, value in derived.items() if name in known} | dict(parameters)


def _build(kind: type, model: nn.Module, settings: dict[str, Any]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return kind(model, **settings)
