"""What an attack is: a frozen dataclass whose fields are its settings."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bregman_exp.robustness.found import Found
from bregman_exp.robustness.packages import require_package
from bregman_exp.robustness.threat import Norm, Threat
from bregman_exp.robustness.victim import Victim

ATTACKS: dict[str, type["Attack"]] = {}  # by name; attacks/__init__.py has the list


@dataclass(frozen=True)
class Attack(ABC):
    """The class variables say what the attack is, the fields how it is set.

    Raises ValueError, in one sentence, for a value that is not allowed (see ``setting``).
    """

    name: ClassVar[str]
    norms: ClassVar[tuple[Norm, ...]] = tuple(Norm)
    strength: ClassVar[int | None] = None  # its place: noise 0, one step 1, PGD 2, suite 4, proof 5
    gradients: ClassVar[bool] = False  # it follows the gradient of the model's loss
    draws_by_batch: ClassVar[bool] = False  # its random numbers belong to a batch, not to a sample
    nearest: ClassVar[bool] = False  # one search answers for every ε
    proves: ClassVar[bool] = False  # it says of which samples no point of the threat is wrong
    can_be_member: ClassVar[bool] = True  # of a suite
    package: ClassVar[str | None] = None  # that it comes from

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if "allowed" in f.metadata and not f.metadata["allowed"](value):
                raise ValueError(f"{f.name}={value!r}{f.metadata['said']}.")

    @abstractmethod
    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor | Found:
        """The adversarial points, not yet verified, alone or with what the attack says of them.

        Shapes: x (N, …) in [0, 1], y (N,), ids (N,) on the CPU -> points like x. Random numbers follow from
        (victim.seed, ids).
        """

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Attack":
        """The attack with these settings; None stands for its own value. ValueError for an unknown one."""
        given = {name: value for name, value in settings.items() if value is not None}
        known = [f.name for f in fields(cls)]
        for name in given:
            if name not in known:
                has = f"it has {', '.join(known)}" if known else "its settings are fixed"
                raise ValueError(f"attack={cls.name} has no setting {name}; {has}.")
        return cls(**given)

    @property
    def variant(self) -> tuple[str | None, ...]:
        """What its id says beside its name, of what is set; None says nothing."""
        return ()

    @property
    def label(self) -> str:
        """E.g. pgd, pgd-margin, pgd-5x50, torchattacks-PGD."""
        return "-".join(filter(None, (self.name, *self.variant)))

    @property
    def rank(self) -> int | None:
        """Its ``strength``, with these settings."""
        return self.strength

    @property
    def needs_source(self) -> bool:
        """Whether it starts from another model's adversarial points."""
        return False

    def changed(self) -> dict[str, Any]:
        """The settings that differ from their defaults: they identify it, also when there are more."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != _default(f)}

    def to_json(self) -> dict[str, Any]:
        """What metrics.json says of the settings; null where it has none or the library decides."""
        of_most = {name: getattr(self, name, None) for name in ("steps", "restarts", "loss")}
        own = {f.name: getattr(self, f.name) for f in fields(self) if not f.metadata.get("unsaid")}
        return of_most | own | self.changed()

    def for_classes(self, classes: int) -> "Attack":
        """This attack, or the one that stands in on a model of so few classes."""
        return self

    def check_norm(self, norm: Norm) -> None:
        """Raises ValueError, in one sentence, for a norm that it cannot do."""
        if norm not in self.norms:
            raise ValueError(f"attack={self.name} cannot do norm={norm}; it does {' and '.join(self.norms)}.")

    def check_fits(self, victim: Victim, classes: int) -> None:
        """Raises ValueError, in one sentence, where the model has not what the attack needs."""
        if self.package is not None:
            require_package(self.package)

    def rehearse(  # noqa: B027 (most attacks have nothing to try)
        self, threat: Threat, model: nn.Module, shape: torch.Size, classes: int
    ) -> None:
        """Tries, before training, what may not suit so many classes, inputs of this ``shape``, or the model.

        Raises ValueError, in one sentence, where the attack cannot run.
        """


def setting(allowed: Callable[[Any], bool], said: str, *, unsaid: bool = False, **default: Any) -> Any:
    """A field of an attack that is checked, ``default`` as in ``dataclasses.field``.

    ``said`` follows name=value in the sentence about a value that is not allowed. ``unsaid``: metrics.json
    has it only where it is not at its default.
    """
    return field(metadata={"allowed": allowed, "said": said, "unsaid": unsaid}, **default)


def whole(default: int) -> Any:
    return setting(_is_count, ": it must be a whole number ≥ 1", default=default)


def flag(default: bool, **more: Any) -> Any:
    said = ": it must be true or false"
    return setting(lambda value: isinstance(value, bool), said, default=default, **more)


def one_of(names: Collection[str], default: str, **more: Any) -> Any:
    said = f" is unknown; use one of {', '.join(names)}"
    return setting(lambda value: isinstance(value, str) and value in names, said, default=default, **more)


def attack_of(name: Any, settings: Mapping[str, Any]) -> Attack:
    """The attack of this name with these settings; ValueError, in one sentence, for a name of none."""
    if not isinstance(name, str) or name not in ATTACKS:
        raise ValueError(f"attack={name!r} is unknown; use one of {', '.join(ATTACKS)}.")
    return ATTACKS[name].of(settings)


def attack_usage() -> str:
    """Every attack as an entry with its own values: {attack: fmn, norm: linf | l2, eps: …, steps: 100}."""
    lines = ["Attacks (entries of attack.attacks, with their own values):"]
    for attack in ATTACKS.values():
        own = {f.name: json.dumps(_default(f)).strip('"') or "…" for f in fields(attack)}
        entry = {"attack": attack.name, "norm": " | ".join(attack.norms), "eps": "…"} | own
        lines.append(f"{{{', '.join(f'{name}: {value}' for name, value in entry.items())}}}")
    return "\n".join(lines)


def numbered(names: Sequence[str]) -> list[str]:
    """The names, a second one of the same in the form name-2, a third name-3."""
    counts = [names[: place + 1].count(name) for place, name in enumerate(names)]
    return [name if count == 1 else f"{name}-{count}" for name, count in zip(names, counts, strict=True)]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _default(f: Any) -> Any:
    return f.default if f.default_factory is MISSING else f.default_factory()
