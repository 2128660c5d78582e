"""An attack with its threat: an entry of a suite."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from bregman_exp.robustness.attack import Attack, attack_of, numbered
from bregman_exp.robustness.attack_result import AttackResult
from bregman_exp.robustness.attacks.function import Function, Perturb
from bregman_exp.robustness.threat import Norm, Threat
from bregman_exp.robustness.victim import Victim


@dataclass(frozen=True)
class AttackSpec:
    """An attack with its threat, whose ε is in units of data in [0, 1]."""

    attack: Attack
    threat: Threat

    @classmethod
    def of(
        cls, /, attack: str | Attack | Perturb, norm: str, eps: float | str, **settings: Any
    ) -> "AttackSpec":
        """The spec from the values of an entry, e.g. ``AttackSpec.of("pgd", "linf", 8 / 255, steps=20)``.

        ``attack``: a name, an attack, or the caller's function (see ``Function``); ``norm``: linf or l2, also
        Linf, L2; ``eps``: in units of data in [0, 1], also as "8/255".

        Raises ValueError for a value that is not allowed, an unknown setting, and a norm that the attack
        cannot do.
        """
        if isinstance(attack, Attack):
            configured = type(attack).of({**vars(attack), **settings})
        else:
            configured = Function(attack, settings) if callable(attack) else attack_of(attack, settings)
        configured.check_norm(Norm(norm))
        return cls(configured, Threat.configured(norm, eps))

    @property
    def norm(self) -> Norm:
        return self.threat.norm

    @property
    def eps(self) -> float:
        return self.threat.eps

    @property
    def precision(self) -> str:
        """The arithmetic of the attack and of its verification."""
        return getattr(self.attack, "precision", "float32")

    @property
    def through(self) -> str | None:
        """The surrogate whose gradient is followed instead of the model's."""
        return getattr(self.attack, "through", None)

    @property
    def id(self) -> str:
        """The id in metrics.json, e.g. pgd-linf-0.0028, torchattacks-PGD-linf-0.0314."""
        size = f"{self.eps:.4f}".rstrip("0").rstrip(".") if self.eps >= 1e-4 else f"{self.eps:g}"
        return "-".join((self.attack.label, self.norm, size))

    def but(self, **settings: Any) -> "AttackSpec":
        """This spec with other settings of the attack."""
        return replace(self, attack=replace(self.attack, **settings))

    def for_classes(self, classes: int) -> "AttackSpec":
        """This spec, or that of the replacement for a model with so few classes."""
        return replace(self, attack=self.attack.for_classes(classes))

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> AttackResult:
        """The result of the attack, not yet verified; see its own class."""
        return AttackResult.of(self.attack.find(victim, x, y, ids, self.threat))

    def changed(self) -> dict[str, Any]:
        """The identity of the attack: name, threat, and the settings that differ from their defaults."""
        return {"attack": self.attack.name, "norm": self.norm, "eps": self.eps, **self.attack.changed()}

    def search(self) -> str:
        """The identity without ε."""
        return repr({**self.changed(), "eps": None})

    def to_json(self) -> dict[str, Any]:
        """The attack in metrics.json."""
        return {"attack": self.attack.name, "norm": self.norm, "eps": self.eps, **self.attack.to_json()}


def unique_ids(specs: Sequence[AttackSpec]) -> list[str]:
    """The ids of the attacks, with -2, -3, … appended to repeated ones."""
    return numbered([spec.id for spec in specs])
