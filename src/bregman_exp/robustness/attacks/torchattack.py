"""Any class of torchattacks by name, with safe settings."""

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
from bregman_exp.robustness.libraries import AsImages, require_package, seed_everything
from bregman_exp.robustness.rehearsal import rehearse
from bregman_exp.robustness.threat import TOLERANCE, Norm, Threat, per_sample
from bregman_exp.robustness.victim import Victim

# classes whose perturbation is bounded in ℓ2; other classes without a parameter norm are bounded in ℓ∞
L2_CLASSES = {"PGDL2", "PGDRSL2", "CW", "DeepFool", "EADEN"}
REHEARSAL_EPS = 1e-6  # too small to break a sample, so that every part of the attack runs


@dataclass(frozen=True)
class TorchAttack(Attack):
    """The points of ``torchattacks.<cls>(model, eps=ε, alpha=ε/4, **parameters)``.

    The library's defaults of eps and alpha are absolute and are not used; n_classes, by default 10, is set to
    that of the model. An attack without eps (CW, DeepFool, …) looks for the nearest adversarial point; if
    that is farther than ε, the attack has failed and the clean point is returned. Samples that are not images
    are viewed as (d, 1, 1).
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
        allowed = [name for name in self._arguments if name not in ("self", "model", "eps", "norm", "device")]
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
    def _arguments(self) -> Mapping[str, Any]:
        """The arguments of the class's constructor."""
        return inspect.signature(torchattacks_class(self.cls).__init__).parameters

    def to_json(self) -> dict[str, Any]:
        settings = super().to_json()
        return {name: settings[name] for name in settings if name != "cls"} | {"class": self.cls}

    def check_norm(self, norm: Norm) -> None:
        only = Norm.L2 if self.cls in L2_CLASSES else Norm.LINF
        if "norm" not in self._arguments and norm is not only:
            raise ValueError(f"torchattacks.{self.cls} cannot do norm={norm}; it does {only}.")

    def rehearse(self, threat: Threat, model: nn.Module, shape: torch.Size, classes: int) -> None:
        """Runs the attack, with its settings, on a linear model for a short time."""
        try:
            rehearse(self, replace(threat, eps=min(threat.eps, REHEARSAL_EPS)), shape, classes)
        except Exception as error:
            raise ValueError(
                f"torchattacks.{self.cls} cannot attack {classes} classes, inputs of shape {tuple(shape)}: "
                f"{type(error).__name__}: {error}; take another class or other parameters."
            ) from error

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor:
        if threat.eps == 0 or len(x) == 0:
            return x.clone()
        arguments, model = self._arguments, AsImages(victim.model, x.shape[1:])
        settings = _settings(arguments, threat, self.parameters)
        if "n_classes" in arguments and "n_classes" not in self.parameters:
            with torch.no_grad():
                settings["n_classes"] = victim.model(x[:1]).shape[1]
        attack = _build(torchattacks_class(self.cls), model.eval(), settings)
        seed_everything(generator(victim.seed, self.cls, int(ids[0])).initial_seed())
        with contextlib.redirect_stdout(io.StringIO()):
            points = attack(model.image(x).contiguous(), y).detach().view_as(x)
        if "eps" in arguments:
            return points
        violation = threat.violation(points, x)
        # points that are not finite are returned, so that verification fails
        far = (violation > TOLERANCE) & violation.isfinite()
        return torch.where(per_sample(far, x), x, points)


def torchattacks_class(cls: str) -> type:
    """The class of this name; ValueError for an unknown name."""
    classes = _classes()
    if cls not in classes:
        raise ValueError(f"torchattacks has no attack cls={cls!r}; it has {', '.join(sorted(classes))}.")
    return classes[cls]


def _classes() -> dict[str, type]:
    require_package("torchattacks")
    with warnings.catch_warnings():  # its dependencies warn about each other's versions
        warnings.simplefilter("ignore")
        import torchattacks
        from torchattacks.attack import Attack as TorchattacksBase

    exported = {name: getattr(torchattacks, name) for name in torchattacks.__all__}
    return {
        name: value
        for name, value in exported.items()
        if isinstance(value, type) and issubclass(value, TorchattacksBase)
    }


def _settings(arguments: Mapping[str, Any], threat: Threat, parameters: Mapping[str, Any]) -> dict[str, Any]:
    derived = {"eps": threat.eps, "alpha": threat.eps / 4, "norm": {"linf": "Linf", "l2": "L2"}[threat.norm]}
    return {name: value for name, value in derived.items() if name in arguments} | dict(parameters)


def _build(cls: type, model: nn.Module, settings: dict[str, Any]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return cls(model, **settings)
