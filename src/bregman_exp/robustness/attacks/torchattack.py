"""Any class of torchattacks by name, made harmless."""

import contextlib
import inspect
import io
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attacks.as_images import AsImages
from bregman_exp.robustness.packages import require_package
from bregman_exp.robustness.threat import TOLERANCE, Threat

# classes whose perturbation is bounded in ℓ2; those with an eps and no norm are bounded in ℓ∞ otherwise
L2_CLASSES = {"PGDL2", "PGDRSL2", "CW", "DeepFool", "EADEN"}


def torchattack(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    threat: Threat,
    *,
    cls: str,
    parameters: Mapping[str, Any],
    ids: Tensor,
    seed: int = 0,
) -> Tensor:
    """The points found by ``torchattacks.<cls>(model, eps=ε, alpha=ε/4, **parameters)``.

    The library's own defaults of eps and alpha are absolute sizes and are never used; n_classes, which it
    takes to be 10, is the model's. An attack without an eps (CW, DeepFool, …) looks for the nearest
    adversarial point: where that is further than ε the attack has failed and the clean point is returned.
    Points that are no images are shown to the attack as (N, d, 1, 1).

    Shapes: x (N, …) in [0, 1], y and ids (N,) -> points like x, not yet verified.
    """
    kind = torchattacks_class(cls)
    if threat.eps == 0 or len(x) == 0:
        return x.clone()
    known = inspect.signature(kind.__init__).parameters
    viewed = AsImages(model, x.shape[1:])
    settings = _settings(known, threat, parameters)
    if "n_classes" in known and "n_classes" not in parameters:
        with torch.no_grad():
            settings["n_classes"] = model(x[:1]).shape[1]
    attack = _build(kind, viewed.eval(), settings)
    key = generator(seed, cls, int(ids[0])).initial_seed()
    torch.manual_seed(key)  # the caller keeps the global states
    np.random.seed(key % 2**32)  # Pixle and OnePixel draw from it
    with contextlib.redirect_stdout(io.StringIO()):
        found = attack(viewed.image(x).contiguous(), y).detach().view_as(x)
    if "eps" in known:
        return found
    violation = threat.violation(found, x)
    far = (
        violation > TOLERANCE
    ) & violation.isfinite()  # a NaN is no failure to find: verification must see it
    return torch.where(far.view((-1,) + (1,) * (x.dim() - 1)), x, found)


def torchattacks_class(cls: str) -> type:
    """The class of this name; ValueError with those there are."""
    kinds = _classes()
    if cls not in kinds:
        raise ValueError(f"torchattacks has no attack cls={cls!r}; it has {', '.join(sorted(kinds))}.")
    return kinds[cls]


def check_torchattack(cls: str, norm: str, parameters: Mapping[str, Any]) -> None:
    """Raises ValueError for an unknown class or parameter and for a norm the class cannot do."""
    known = inspect.signature(torchattacks_class(cls).__init__).parameters
    allowed = [name for name in known if name not in ("self", "model", "eps", "norm", "device")]
    unknown = [name for name in parameters if name not in allowed]
    if unknown:
        raise ValueError(
            f"torchattacks.{cls} has no parameter {unknown[0]!r}; it has {', '.join(allowed)} "
            "(eps and norm come from the entry)."
        )
    does = ("linf", "l2") if "norm" in known else ("l2",) if cls in L2_CLASSES else ("linf",)
    if norm not in does:
        raise ValueError(f"torchattacks.{cls} cannot do norm={norm}; it does {' and '.join(does)}.")


def _classes() -> dict[str, type]:
    require_package("torchattacks")
    with warnings.catch_warnings():  # its dependencies warn about one another's versions
        warnings.simplefilter("ignore")
        import torchattacks
        from torchattacks.attack import Attack

    found = {name: getattr(torchattacks, name) for name in torchattacks.__all__}
    return {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, Attack)}


def _settings(known: Mapping[str, Any], threat: Threat, parameters: Mapping[str, Any]) -> dict[str, Any]:
    derived = {"eps": threat.eps, "alpha": threat.eps / 4, "norm": {"linf": "Linf", "l2": "L2"}[threat.norm]}
    return {name: value for name, value in derived.items() if name in known} | dict(parameters)


def _build(kind: type, model: nn.Module, settings: dict[str, Any]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return kind(model, **settings)
