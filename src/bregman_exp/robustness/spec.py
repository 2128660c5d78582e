"""One attack of a suite: an attack with its threat."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from bregman_exp.robustness.attack import Attack, attack_of, numbered
from bregman_exp.robustness.attacks.function import Function, Perturb
from bregman_exp.robustness.found import Found
from bregman_exp.robustness.threat import SIZES, Norm, Threat
from bregman_exp.robustness.victim import Victim

LARGEST = 1.0  # ε of an entry; a ball that holds the whole box takes more in ℓ2


@dataclass(frozen=True)
class AttackSpec:
    """An attack with its threat, whose ε is in units of data in [0, 1]."""

    attack: Attack
    threat: Threat

    @classmethod
    def of(cls, /, attack: str | Attack | Perturb, norm: str, eps: float, **settings: Any) -> "AttackSpec":
        """As an entry says it, e.g. ``AttackSpec.of("pgd", "linf", 8 / 255, steps=20)``.

        ``attack``: a name, an attack, or a function of the caller's (see ``Function``).

        Raises ValueError, in one sentence, for a value that is not allowed, a setting that the attack does
        not have, and a norm that it cannot do.
        """
        if isinstance(attack, Attack):
            made = type(attack).of({**vars(attack), **settings})
        else:
            made = Function(attack, settings) if callable(attack) else attack_of(attack, settings)
        made.check_norm(Norm(norm))
        threat = Threat(Norm(norm), eps)
        if eps > LARGEST:
            raise ValueError(f"eps={eps} is not allowed; {SIZES}.")
        return cls(made, threat)

    @property
    def norm(self) -> Norm:
        return self.threat.norm

    @property
    def eps(self) -> float:
        return self.threat.eps

    @property
    def precision(self) -> str:
        """The arithmetic of the whole attack, the judgement too."""
        return getattr(self.attack, "precision", "float32")

    @property
    def through(self) -> str | None:
        """The surrogate whose gradient is followed in the place of the model's own."""
        return getattr(self.attack, "through", None)

    @property
    def id(self) -> str:
        """E.g. pgd-linf-0.0028, torchattacks-PGD-linf-0.0314."""
        size = f"{self.eps:.4f}".rstrip("0").rstrip(".") if self.eps >= 1e-4 else f"{self.eps:g}"
        return "-".join((self.attack.label, self.norm, size))

    def but(self, **settings: Any) -> "AttackSpec":
        """The same with other settings of the attack."""
        return replace(self, attack=replace(self.attack, **settings))

    def for_classes(self, classes: int) -> "AttackSpec":
        """This attack, or the one that stands in on a model of so few classes."""
        return replace(self, attack=self.attack.for_classes(classes))

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Found:
        """What the attack finds, not yet verified; see its own class."""
        return Found.of(self.attack.find(victim, x, y, ids, self.threat))

    def changed(self) -> dict[str, Any]:
        """What identifies the attack: name, threat, and the settings that differ from their defaults."""
        return {"attack": self.attack.name, "norm": self.norm, "eps": self.eps, **self.attack.changed()}

    def search(self) -> str:
        """The same for all sizes of one attack in one norm."""
        return repr({**self.changed(), "eps": None})

    def to_json(self) -> dict[str, Any]:
        """What metrics.json says of the attack."""
        return {"attack": self.attack.name, "norm": self.norm, "eps": self.eps, **self.attack.to_json()}


def unique_ids(specs: Sequence[AttackSpec]) -> list[str]:
    """The ids of the attacks; a second one of the same id ends in -2, a third in -3."""
    return numbered([spec.id for spec in specs])
