"""The base class of attacks: a frozen dataclass whose fields are the settings."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bregman_exp.robustness.attack_result import AttackResult
from bregman_exp.robustness.libraries import require_package
from bregman_exp.robustness.threat import Norm, Threat
from bregman_exp.robustness.victim import Victim

ATTACKS: dict[str, type["Attack"]] = {}  # by name; filled by attacks/__init__.py


@dataclass(frozen=True)
class Attack(ABC):
    """An attack: class variables describe the method, fields are the settings.

    Raises ValueError for a setting that is not allowed (see ``setting``).
    """

    name: ClassVar[str]
    norms: ClassVar[tuple[Norm, ...]] = tuple(Norm)
    # for the check ``order``: noise 0, one step 1, PGD 2, suite 4, proof 5
    strength: ClassVar[int | None] = None
    gradients: ClassVar[bool] = False  # whether it follows the gradient of the model's loss
    draws_by_batch: ClassVar[bool] = False  # whether its random numbers are drawn per batch, not per sample
    nearest: ClassVar[bool] = False  # whether it looks for the nearest wrong point, which serves every ε
    proves: ClassVar[bool] = False  # whether it can prove that a sample has no wrong point in the threat
    can_be_member: ClassVar[bool] = True  # of a suite
    package: ClassVar[str | None] = None  # the library that it needs

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if "allowed" in f.metadata and not f.metadata["allowed"](value):
                raise ValueError(f"{f.name}={value!r}{f.metadata['message']}.")

    @abstractmethod
    def find(
        self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat
    ) -> Tensor | AttackResult:
        """The adversarial points, not yet verified, alone or in an ``AttackResult``.

        Shapes: x (N, …) in [0, 1], y (N,), ids (N,) on the CPU -> points like x. Random numbers depend only
        on (victim.seed, ids).
        """

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Attack":
        """The attack with these settings; None means the default. ValueError for an unknown setting."""
        given = {name: value for name, value in settings.items() if value is not None}
        allowed = [f.name for f in fields(cls)]
        for name in given:
            if name not in allowed:
                hint = f"it has {', '.join(allowed)}" if allowed else "its settings are fixed"
                raise ValueError(f"attack={cls.name} has no setting {name}; {hint}.")
        return cls(**given)

    @property
    def variant(self) -> tuple[str | None, ...]:
        """The parts of the id that follow the name; None is left out."""
        return ()

    @property
    def label(self) -> str:
        """Name and variant, e.g. pgd, pgd-margin, pgd-5x50, torchattacks-PGD."""
        return "-".join(filter(None, (self.name, *self.variant)))

    @property
    def rank(self) -> int | None:
        """The ``strength`` with these settings."""
        return self.strength

    @property
    def needs_source(self) -> bool:
        """Whether it uses another model's adversarial points."""
        return False

    def changed(self) -> dict[str, Any]:
        """The settings that differ from their defaults; adding a setting does not change them."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != _default(f)}

    def to_json(self) -> dict[str, Any]:
        """The settings in metrics.json; null where the attack has none or the library decides."""
        common = {name: getattr(self, name, None) for name in ("steps", "restarts", "loss")}
        own = {f.name: getattr(self, f.name) for f in fields(self) if not f.metadata.get("unsaid")}
        return common | own | self.changed()

    def for_classes(self, classes: int) -> "Attack":
        """This attack, or its replacement for a model with so few classes."""
        return self

    def check_norm(self, norm: Norm) -> None:
        """ValueError for a norm that the attack cannot do."""
        if norm not in self.norms:
            raise ValueError(f"attack={self.name} cannot do norm={norm}; it does {' and '.join(self.norms)}.")

    def check_fits(self, victim: Victim, classes: int) -> None:
        """ValueError if the model lacks something that the attack needs."""
        if self.package is not None:
            require_package(self.package)

    def rehearse(  # noqa: B027 (most attacks need no rehearsal)
        self, threat: Threat, model: nn.Module, shape: torch.Size, classes: int
    ) -> None:
        """Tries the attack before training, with this number of classes and this shape of a sample.

        Raises ValueError if the attack cannot run.
        """


def setting(allowed: Callable[[Any], bool], message: str, *, unsaid: bool = False, **default: Any) -> Any:
    """A checked field of an attack; ``default`` or ``default_factory`` as in ``dataclasses.field``.

    ``message`` follows name=value in the error about a value that is not allowed. ``unsaid``: metrics.json
    lists the field only if it differs from its default.
    """
    return field(metadata={"allowed": allowed, "message": message, "unsaid": unsaid}, **default)


def whole(default: int) -> Any:
    """A field for a whole number ≥ 1."""
    return setting(_is_count, ": it must be a whole number ≥ 1", default=default)


def flag(default: bool, **more: Any) -> Any:
    """A field for true or false."""
    message = ": it must be true or false"
    return setting(lambda value: isinstance(value, bool), message, default=default, **more)


def one_of(names: Collection[str], default: str, **more: Any) -> Any:
    """A field for one of these names."""
    message = f" is unknown; use one of {', '.join(names)}"
    return setting(lambda value: isinstance(value, str) and value in names, message, default=default, **more)


def attack_of(name: Any, settings: Mapping[str, Any]) -> Attack:
    """The attack of this name with these settings; ValueError for an unknown name."""
    if not isinstance(name, str) or name not in ATTACKS:
        raise ValueError(f"attack={name!r} is unknown; use one of {', '.join(ATTACKS)}.")
    return ATTACKS[name].of(settings)


def attack_usage() -> str:
    """Every attack as an entry with its defaults: {attack: fmn, norm: linf | l2, eps: …, steps: 100}."""
    lines = ["Attacks (entries of attack.attacks, with their defaults):"]
    for attack in ATTACKS.values():
        own = {f.name: json.dumps(_default(f)).strip('"') or "…" for f in fields(attack)}
        entry = {"attack": attack.name, "norm": " | ".join(attack.norms), "eps": "…"} | own
        lines.append(f"{{{', '.join(f'{name}: {value}' for name, value in entry.items())}}}")
    return "\n".join(lines)


def numbered(names: Sequence[str]) -> list[str]:
    """The names, with -2, -3, … appended to repeated ones."""
    counts = [names[: index + 1].count(name) for index, name in enumerate(names)]
    return [name if count == 1 else f"{name}-{count}" for name, count in zip(names, counts, strict=True)]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _default(f: Any) -> Any:
    return f.default if f.default_factory is MISSING else f.default_factory()
