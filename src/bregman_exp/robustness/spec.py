"""The attacks of a suite: what each entry may say, and which function does it."""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any

from torch import Tensor, nn

from bregman_exp.robustness.attacks.autoattack import SUITES, autoattack
from bregman_exp.robustness.attacks.autoattack_members import FEWEST_CLASSES
from bregman_exp.robustness.attacks.exact import exact
from bregman_exp.robustness.attacks.found import Found
from bregman_exp.robustness.attacks.loss import LOSSES
from bregman_exp.robustness.attacks.pgd import pgd
from bregman_exp.robustness.attacks.single_step import single_step
from bregman_exp.robustness.attacks.torchattack import check_torchattack, torchattack
from bregman_exp.robustness.threat import NORMS, Threat


@dataclass(frozen=True)
class AttackSpec:
    """One attack with its threat.

    eps in units of data in [0, 1]; rel_step is the step over ε. steps, rel_step, restarts and random_start
    are PGD's; cls and parameters torchattacks'.

    Raises ValueError, in one sentence, for a value that is not allowed and for a norm the attack cannot do.
    """

    attack: str
    norm: str
    eps: float
    steps: int = 50
    rel_step: float = 0.25
    restarts: int = 1
    random_start: bool = True
    loss: str = "ce"
    cls: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.attack, str) or self.attack not in ATTACKS:
            raise ValueError(f"attack={self.attack!r} is unknown; use one of {', '.join(ATTACKS)}.")
        norms = ATTACKS[self.attack].norms
        if self.norm in NORMS and self.norm not in norms:
            raise ValueError(
                f"attack={self.attack} cannot do norm={self.norm}; it does {' and '.join(norms)}."
            )
        if not _is_number(self.eps):
            raise ValueError(f"eps={self.eps!r} is not a number; give one in [0, 1].")
        _ = self.threat
        for name in ("steps", "restarts"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name}={value}: it must be a whole number ≥ 1.")
        if not _is_number(self.rel_step) or not 0 < self.rel_step <= 2:
            raise ValueError(f"rel_step={self.rel_step}: the step over ε must lie in (0, 2].")
        if not isinstance(self.parameters, dict):
            raise ValueError(f"parameters={self.parameters}: give the attack's settings by name.")
        if not isinstance(self.loss, str) or self.loss not in LOSSES:
            raise ValueError(f"loss={self.loss!r} is unknown; use one of {', '.join(LOSSES)}.")
        self._refuse_idle_settings()
        if self.attack == "torchattacks":
            if self.cls is None:
                raise ValueError(
                    "attack=torchattacks needs cls, the name of a torchattacks class such as PGD."
                )
            check_torchattack(self.cls, self.norm, self.parameters)

    def _refuse_idle_settings(self) -> None:
        uses = ATTACKS[self.attack].settings
        for f in fields(self):
            default = f.default if f.default_factory is MISSING else f.default_factory()
            idle = f.name not in ("attack", "norm", "eps", *uses)
            if idle and getattr(self, f.name) != default:
                there = f"it has {', '.join(uses)}" if uses else "its settings are fixed"
                raise ValueError(f"attack={self.attack} has no setting {f.name}; {there}.")

    @property
    def threat(self) -> Threat:
        return Threat(self.norm, self.eps)

    def for_classes(self, classes: int) -> "AttackSpec":
        """This attack, or the one that stands in on a model of so few classes."""
        instead = ATTACKS[self.attack].below_four_classes
        return self if instead is None or classes >= FEWEST_CLASSES else replace(self, attack=instead)

    @property
    def draws_by_batch(self) -> bool:
        """Whether another batch size is another draw of the attack's random numbers."""
        return ATTACKS[self.attack].draws_by_batch

    @property
    def id(self) -> str:
        """E.g. pgd-linf-0.0028, torchattacks-PGD-linf-0.0314."""
        size = f"{self.eps:.4f}".rstrip("0").rstrip(".") if self.eps >= 1e-4 else f"{self.eps:g}"
        return "-".join(filter(None, (self.attack, self.cls, self.norm, size)))

    def find(self, model: nn.Module, x: Tensor, y: Tensor, ids: Tensor, seed: int) -> Found:
        """The adversarial points, not yet verified, with the attack's counts; see its own function."""
        found = ATTACKS[self.attack].run(self, model, x, y, ids, seed)
        return found if isinstance(found, Found) else Found(found)

    def to_json(self) -> dict[str, Any]:
        """What metrics.json says of the attack; null where the library decides."""
        told: dict[str, Any] = {"attack": self.attack, "norm": self.norm, "eps": self.eps}
        if self.attack == "torchattacks":
            unknown = {"steps": None, "restarts": None, "loss": None}
            return told | unknown | {"class": self.cls, "parameters": dict(self.parameters)}
        if self.attack == "exact":
            return told | {"steps": None, "restarts": None, "loss": None}
        if self.attack in SUITES:
            return told | SUITES[self.attack].to_json()
        if self.attack != "pgd":
            return told | {"steps": 1, "restarts": 1, "loss": self.loss}
        return told | {
            "steps": self.steps,
            "restarts": self.restarts,
            "loss": self.loss,
            "rel_step": self.rel_step,
            "random_start": self.random_start,
        }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def unique_ids(specs: Sequence[AttackSpec]) -> list[str]:
    """The ids of the attacks; a second one of the same id ends in -2, a third in -3."""
    ids = [spec.id for spec in specs]
    counts = [ids[: place + 1].count(name) for place, name in enumerate(ids)]
    return [name if count == 1 else f"{name}-{count}" for name, count in zip(ids, counts, strict=True)]


@dataclass(frozen=True)
class _Kind:
    norms: tuple[str, ...]
    run: Callable[[AttackSpec, nn.Module, Tensor, Tensor, Tensor, int], Tensor | Found]
    settings: tuple[str, ...] = ()  # the fields of AttackSpec it looks at, beside attack, norm and eps
    below_four_classes: str | None = None  # the name of the attack that stands in
    draws_by_batch: bool = False  # its random numbers belong to a batch, not to a sample


def _pgd(spec: AttackSpec, model: nn.Module, x: Tensor, y: Tensor, ids: Tensor, seed: int) -> Tensor:
    return pgd(
        model,
        x,
        y,
        spec.threat,
        steps=spec.steps,
        rel_step=spec.rel_step,
        restarts=spec.restarts,
        random_start=spec.random_start,
        loss=spec.loss,
        ids=ids,
        seed=seed,
    )


def _single_step(spec: AttackSpec, model: nn.Module, x: Tensor, y: Tensor, ids: Tensor, seed: int) -> Tensor:
    return single_step(model, x, y, spec.threat, loss=spec.loss)


def _torchattack(spec: AttackSpec, model: nn.Module, x: Tensor, y: Tensor, ids: Tensor, seed: int) -> Tensor:
    assert spec.cls is not None
    return torchattack(model, x, y, spec.threat, cls=spec.cls, parameters=spec.parameters, ids=ids, seed=seed)


def _autoattack(spec: AttackSpec, model: nn.Module, x: Tensor, y: Tensor, ids: Tensor, seed: int) -> Found:
    return autoattack(model, x, y, spec.threat, suite=SUITES[spec.attack], ids=ids, seed=seed)


def _exact(spec: AttackSpec, model: nn.Module, x: Tensor, y: Tensor, ids: Tensor, seed: int) -> Found:
    return exact(model, x, y, spec.threat)


ATTACKS: dict[str, _Kind] = {
    "fgsm": _Kind(("linf",), _single_step, ("loss",)),
    "fgm": _Kind(("l2",), _single_step, ("loss",)),
    "pgd": _Kind(NORMS, _pgd, ("steps", "rel_step", "restarts", "random_start", "loss")),
    "torchattacks": _Kind(NORMS, _torchattack, ("cls", "parameters"), draws_by_batch=True),
    "autoattack": _Kind(NORMS, _autoattack, below_four_classes="autoattack-lt4", draws_by_batch=True),
    "autoattack-lt4": _Kind(NORMS, _autoattack, draws_by_batch=True),
    "autoattack_rapid": _Kind(
        NORMS, _autoattack, below_four_classes="autoattack_rapid-lt4", draws_by_batch=True
    ),
    "autoattack_rapid-lt4": _Kind(NORMS, _autoattack, draws_by_batch=True),
    "exact": _Kind(NORMS, _exact),
}
