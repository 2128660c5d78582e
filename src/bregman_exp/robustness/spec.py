"""One attack of a suite: what its entry may say, and which function does it."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from bregman_exp.robustness.attacks.autoattack import FEWEST_CLASSES, PROGRAMS
from bregman_exp.robustness.attacks.found import Found
from bregman_exp.robustness.attacks.in_turn import Member, in_turn
from bregman_exp.robustness.attacks.loss import LOSSES, NEEDS_CLASSES
from bregman_exp.robustness.attacks.torchattack import check_torchattack
from bregman_exp.robustness.kinds import ATTACKS, Kind
from bregman_exp.robustness.packages import require_package
from bregman_exp.robustness.threat import NORMS, SIZES, Threat
from bregman_exp.robustness.victim import Victim

NOT_THE_ATTACKS = ("precision", "source")  # settings that the harness or the reader of the figures uses
PRECISIONS = ("float32", "float64")


@dataclass(frozen=True)
class AttackSpec:
    """One attack with its threat.

    eps in units of data in [0, 1]; rel_step is the step over ε; through names a surrogate of the model whose
    gradient is followed; precision is the arithmetic of the whole attack, the judgement too; members are the
    attacks of a suite, without norm and eps; source says what the model of a transfer is called; cls and
    parameters are torchattacks'. Where steps or restarts are None the attack's own number holds.

    Raises ValueError, in one sentence, for a value that is not allowed, a setting that the attack does not
    have, and a norm that it cannot do.
    """

    LARGEST: ClassVar[float] = 1.0  # ε

    attack: str
    norm: str
    eps: float
    steps: int | None = None
    rel_step: float = 0.25
    restarts: int | None = None
    random_start: bool = True
    loss: str = "ce"
    early_stop: bool = True
    through: str | None = None
    precision: str = "float32"
    members: Sequence[Mapping[str, Any]] | None = None
    source: str | None = None
    cls: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_threat()
        self._check_settings()
        self._refuse_idle_settings()
        for name, value in self.kind.defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        if self.members is not None:
            _ = self.given_members()
        if self.attack == "torchattacks":
            if not isinstance(self.cls, str):
                raise ValueError(
                    "attack=torchattacks needs cls, the name of a torchattacks class such as PGD."
                )
            check_torchattack(self.cls, self.norm, self.parameters)

    def _check_threat(self) -> None:
        if not isinstance(self.attack, str) or self.attack not in ATTACKS:
            raise ValueError(f"attack={self.attack!r} is unknown; use one of {', '.join(ATTACKS)}.")
        norms = self.kind.norms
        if self.norm in NORMS and self.norm not in norms:
            raise ValueError(
                f"attack={self.attack} cannot do norm={self.norm}; it does {' and '.join(norms)}."
            )
        if not _is_number(self.eps):
            raise ValueError(f"eps={self.eps!r} is not a number; give one in [0, 1].")
        if not self.threat.eps <= self.LARGEST:
            raise ValueError(f"eps={self.eps} is not allowed; {SIZES}.")

    def _check_settings(self) -> None:
        for name in ("steps", "restarts"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ValueError(f"{name}={value}: it must be a whole number ≥ 1.")
        if not isinstance(self.through, str | None):
            raise ValueError(f"through={self.through!r}: give the name of a surrogate of the model.")
        if not _is_number(self.rel_step) or not 0 < self.rel_step <= 2:
            raise ValueError(f"rel_step={self.rel_step}: the step over ε must lie in (0, 2].")
        if not isinstance(self.parameters, dict):
            raise ValueError(f"parameters={self.parameters}: give the attack's settings by name.")
        for name, known in (("loss", tuple(LOSSES)), ("precision", PRECISIONS)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in known:
                raise ValueError(f"{name}={value!r} is unknown; use one of {', '.join(known)}.")
        for name in ("random_start", "early_stop"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}={getattr(self, name)!r}: it must be true or false.")

    def _refuse_idle_settings(self) -> None:
        uses = self.kind.settings
        for name in self.changed():
            if name not in ("attack", "norm", "eps", *uses):
                settings = f"it has {', '.join(uses)}" if uses else "its settings are fixed"
                raise ValueError(f"attack={self.attack} has no setting {name}; {settings}.")

    @property
    def kind(self) -> Kind:
        return ATTACKS[self.attack]

    @property
    def threat(self) -> Threat:
        return Threat(self.norm, self.eps)

    def changed(self) -> dict[str, Any]:
        """The fields that differ from their defaults: they identify the attack, also when there are more."""
        defaults = {
            f.name: f.default if f.default_factory is MISSING else f.default_factory() for f in fields(self)
        }
        own = self.kind.defaults
        told = {name: getattr(self, name) for name in defaults}
        return {k: v for k, v in told.items() if v != defaults[k] and v != own.get(k)}

    def given_members(self) -> list["AttackSpec"]:
        """The suite's members as its entry has them; ValueError for none and for one that is not allowed."""
        members = [] if self.members is None else self.members
        if isinstance(members, str) or not isinstance(members, Sequence) or len(members) == 0:
            raise ValueError(f"members={members}: a suite needs at least one attack, e.g. [{{attack: pgd}}].")
        # the suite's model and inputs are float32, and so are its members'
        known = [f.name for f in fields(AttackSpec) if f.name not in ("norm", "eps", "precision")]
        specs = []
        for member in members:
            if not isinstance(member, Mapping) or "attack" not in member or not set(member) <= set(known):
                raise ValueError(f"members: {member} needs attack, and may have {', '.join(known[1:])}.")
            specs.append(type(self)(norm=self.norm, eps=self.eps, **member))
        nested = [spec.attack for spec in specs if spec.attack in ("suite", "exact")]
        if nested:
            raise ValueError(f"members: {nested[0]} cannot be a member of a suite.")
        return specs

    def for_classes(self, classes: int) -> "AttackSpec":
        """This attack, or the one that stands in on a model of so few classes."""
        instead = self.kind.below_four_classes
        return self if instead is None or classes >= FEWEST_CLASSES else replace(self, attack=instead)

    def check_fits(self, victim: Victim, classes: int) -> None:
        """Raises ValueError, in one sentence, where the model has not what this attack or a member needs."""
        for member in self.given_members() if self.members is not None else []:
            member.check_fits(victim, classes)
        if self.kind.package is not None:
            require_package(self.kind.package)
        if classes < NEEDS_CLASSES.get(self.loss, 2):
            raise ValueError(f"loss={self.loss} needs three classes, there are {classes}; use loss=margin.")
        if self.through is not None:
            _ = victim.twin(self.through)
        if self.attack == "transfer":
            _ = victim.transfer_source

    @property
    def draws_by_batch(self) -> bool:
        """Whether another batch size is another draw of the attack's random numbers."""
        return self.kind.draws_by_batch

    @property
    def needs_source(self) -> bool:
        """Whether it, or a member of it, is a transfer."""
        members = [] if self.members is None else self.given_members()
        return self.attack == "transfer" or any(member.needs_source for member in members)

    @property
    def name(self) -> str:
        """The attack without its threat, e.g. pgd, pgd-margin, pgd-5x50, torchattacks-PGD."""
        loss = None if self.loss == "ce" else self.loss
        runs = f"{self.restarts}x{self.steps}" if self.attack == "pgd" and self.restarts != 1 else None
        precision = None if self.precision == "float32" else self.precision
        return "-".join(filter(None, (self.attack, self.cls, loss, runs, self.through, precision)))

    @property
    def id(self) -> str:
        """E.g. pgd-linf-0.0028, torchattacks-PGD-linf-0.0314."""
        size = f"{self.eps:.4f}".rstrip("0").rstrip(".") if self.eps >= 1e-4 else f"{self.eps:g}"
        return "-".join((self.name, self.norm, size))

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Found:
        """The adversarial points, not yet verified, with the attack's counts; see its own function."""
        if self.kind.run is None:
            return self._in_turn(victim, x, y, ids)
        names = [name for name in self.kind.settings if name not in NOT_THE_ATTACKS]
        found = self.kind.run(victim, x, y, ids, self.threat, **{name: getattr(self, name) for name in names})
        return found if isinstance(found, Found) else Found(found)

    def _in_turn(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Found:
        """The members in turn: those of the entry, or those that suit the model and its inputs."""
        with torch.no_grad():
            classes = victim.model(x[:1]).shape[1]
        default = self.members is None
        given = default_members(self, classes, x.dim() == 4) if default else self.given_members()
        members = [member.for_classes(classes) for member in given]

        def turn(name: str, member: AttackSpec) -> tuple[str, Member]:
            def points(left: Tensor) -> Tensor:
                if self.eps == 0:  # there is but one point, and members would search for nothing
                    return x[left]
                return member.points_within(victim, x[left], y[left], ids[left.cpu()])

            return name, points

        names = numbered([member.name for member in members])
        return in_turn(victim.model, x, y, [turn(*each) for each in zip(names, members, strict=True)])

    def points_within(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Tensor:
        """The points found; of a search for the nearest ones those within ε, and x for the others."""
        return nearest_within(self.find(victim, x, y, ids), x, self.eps)

    def to_json(self) -> dict[str, Any]:
        """What metrics.json says of the attack; null where it has none or the library decides."""
        told: dict[str, Any] = {"attack": self.attack, "norm": self.norm, "eps": self.eps}
        told |= {"steps": self.steps, "restarts": self.restarts, "loss": None}
        if self.attack in PROGRAMS:
            return told | PROGRAMS[self.attack].to_json()
        told |= {name: getattr(self, name) for name in self.kind.settings if name not in ("cls", "members")}
        if self.attack == "torchattacks":
            told["class"] = self.cls
        if self.members is not None:
            told["members"] = [dict(member) for member in self.members]
        optional = {"early_stop": True, "through": None, "precision": "float32"}
        return {key: value for key, value in told.items() if key not in optional or value != optional[key]}


class WholeBox(AttackSpec):
    """An attack whose ball may hold the whole box of the data: in ℓ2 that takes an ε above 1."""

    LARGEST = float("inf")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def unique_ids(specs: Sequence[AttackSpec]) -> list[str]:
    """The ids of the attacks; a second one of the same id ends in -2, a third in -3."""
    return numbered([spec.id for spec in specs])


def numbered(names: Sequence[str]) -> list[str]:
    """The names, a second one of the same in the form name-2, a third name-3."""
    counts = [names[: place + 1].count(name) for place, name in enumerate(names)]
    return [name if count == 1 else f"{name}-{count}" for name, count in zip(names, counts, strict=True)]


def nearest_within(found: Found, x: Tensor, eps: float) -> Tensor:
    """The points found; where their distances are known x in the place of those beyond ε."""
    points = found.points.detach()
    if found.distances is None:
        return points
    near = (found.distances.to(x.device) <= eps).view((-1,) + (1,) * (x.dim() - 1))
    return torch.where(near, points, x)


def default_members(suite: AttackSpec, classes: int, images: bool) -> list[AttackSpec]:
    """From the cheapest to the dearest: one step; PGD on three losses; the nearest wrong point; APGD on
    targeted DLR (with fewer than four classes on the margin); a search without gradients, which on points
    that are no images is a random search of the ball."""
    names: list[dict[str, Any]] = [{"attack": {"linf": "fgsm", "l2": "fgm"}[suite.norm]}]
    losses = [loss for loss in ("ce", "margin", "dlr") if classes >= NEEDS_CLASSES.get(loss, 2)]
    names += [{"attack": "pgd", "loss": loss} for loss in losses]
    names += [{"attack": "fmn"}, {"attack": "apgd-t"}, {"attack": "square" if images else "random_search"}]
    return [type(suite)(norm=suite.norm, eps=suite.eps, **member) for member in names]
