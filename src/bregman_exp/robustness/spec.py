"""One attack of a suite: what its entry may say, and which function does it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attacks.autoattack import SUITES, autoattack
from bregman_exp.robustness.attacks.autoattack_members import FEWEST_CLASSES, QUERIES
from bregman_exp.robustness.attacks.exact import exact
from bregman_exp.robustness.attacks.found import Found
from bregman_exp.robustness.attacks.in_turn import Member, in_turn
from bregman_exp.robustness.attacks.loss import LOSSES, NEEDS_CLASSES
from bregman_exp.robustness.attacks.minimal_norm import minimal_norm
from bregman_exp.robustness.attacks.noise import gaussian_noise, uniform_noise
from bregman_exp.robustness.attacks.pgd import pgd
from bregman_exp.robustness.attacks.random_search import random_search
from bregman_exp.robustness.attacks.single_step import single_step
from bregman_exp.robustness.attacks.torchattack import check_torchattack, torchattack
from bregman_exp.robustness.threat import NORMS, SIZES, Threat
from bregman_exp.robustness.victim import SOURCE, Victim

PRECISIONS = ("float32", "float64")


@dataclass(frozen=True)
class AttackSpec:
    """One attack with its threat.

    eps in units of data in [0, 1]; rel_step is the step over ε; through names a surrogate of the model whose
    gradient is followed; precision is the arithmetic of the whole attack, the judgement too; members are the
    attacks of a suite, without norm and eps; cls and parameters are torchattacks'. A setting that the attack
    does not have is refused. Where steps or restarts are None the attack's own number holds.

    Raises ValueError, in one sentence, for a value that is not allowed and for a norm the attack cannot do.
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
    cls: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
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
        for name in ("steps", "restarts"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ValueError(f"{name}={value}: it must be a whole number ≥ 1.")
        if not _is_number(self.rel_step) or not 0 < self.rel_step <= 2:
            raise ValueError(f"rel_step={self.rel_step}: the step over ε must lie in (0, 2].")
        if not isinstance(self.parameters, dict):
            raise ValueError(f"parameters={self.parameters}: give the attack's settings by name.")
        for name, known in (("loss", tuple(LOSSES)), ("precision", PRECISIONS)):
            if not isinstance(getattr(self, name), str) or getattr(self, name) not in known:
                raise ValueError(f"{name}={getattr(self, name)!r} is unknown; use one of {', '.join(known)}.")
        self._refuse_idle_settings()
        for name in ("steps", "restarts"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.kind.defaults.get(name))
        if self.members is not None:
            _ = self.given_members()
        if self.attack == "torchattacks":
            if self.cls is None:
                raise ValueError(
                    "attack=torchattacks needs cls, the name of a torchattacks class such as PGD."
                )
            check_torchattack(self.cls, self.norm, self.parameters)

    def _refuse_idle_settings(self) -> None:
        uses = self.kind.settings
        for name in self.changed():
            if name not in ("attack", "norm", "eps", *uses):
                there = f"it has {', '.join(uses)}" if uses else "its settings are fixed"
                raise ValueError(f"attack={self.attack} has no setting {name}; {there}.")

    @property
    def kind(self) -> "_Kind":
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
        known = [f.name for f in fields(AttackSpec) if f.name not in ("norm", "eps")]
        specs = []
        for member in members:
            if not isinstance(member, Mapping) or "attack" not in member or not set(member) <= set(known):
                raise ValueError(f"members: {member} needs attack, and may have {', '.join(known[1:])}.")
            specs.append(AttackSpec(norm=self.norm, eps=self.eps, **member))
        nested = [spec.attack for spec in specs if spec.attack in ("suite", "exact")]
        if nested:
            raise ValueError(f"members: {nested[0]} cannot be a member of a suite.")
        return specs

    def for_classes(self, classes: int) -> "AttackSpec":
        """This attack, or the one that stands in on a model of so few classes."""
        instead = self.kind.below_four_classes
        return self if instead is None or classes >= FEWEST_CLASSES else replace(self, attack=instead)

    @property
    def draws_by_batch(self) -> bool:
        """Whether another batch size is another draw of the attack's random numbers."""
        members = self.given_members() if self.members is not None else []
        return self.kind.draws_by_batch or any(member.draws_by_batch for member in members)

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
        found = self.kind.run(self, victim, x, y, ids)
        return found if isinstance(found, Found) else Found(found)

    def to_json(self) -> dict[str, Any]:
        """What metrics.json says of the attack; null where it has none or the library decides."""
        told = {"attack": self.attack, "norm": self.norm, "eps": self.eps}
        told |= {"steps": self.steps, "restarts": self.restarts, "loss": None}
        if self.attack in SUITES:
            return told | SUITES[self.attack].to_json()
        told |= {name: getattr(self, name) for name in self.kind.settings if name not in ("cls", "members")}
        if self.attack == "torchattacks":
            told["class"] = self.cls
        if self.members is not None:
            told["members"] = [member.name for member in self.given_members()]
        optional = {"early_stop": True, "through": None, "precision": "float32"}
        return {key: value for key, value in told.items() if key not in optional or value != optional[key]}


class WholeBox(AttackSpec):
    """An attack whose ball may hold the whole box of the data: in ℓ2 that takes an ε above 1."""

    LARGEST = float("inf")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def unique_ids(specs: Sequence[AttackSpec]) -> list[str]:
    """The ids of the attacks; a second one of the same id ends in -2, a third in -3."""
    return _numbered([spec.id for spec in specs])


def _numbered(names: Sequence[str]) -> list[str]:
    counts = [names[: place + 1].count(name) for place, name in enumerate(names)]
    return [name if count == 1 else f"{name}-{count}" for name, count in zip(names, counts, strict=True)]


Run = Callable[[AttackSpec, Victim, Tensor, Tensor, Tensor], Tensor | Found]


@dataclass(frozen=True)
class _Kind:
    """``settings``: the fields of AttackSpec it looks at, beside attack, norm and eps; ``strength``: its
    place in the order noise (0), one step (1), PGD (2), restarts (3), suite (4), proof (5), if it has one."""

    norms: tuple[str, ...]
    run: Run
    settings: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    below_four_classes: str | None = None  # the name of the attack that stands in
    draws_by_batch: bool = False  # its random numbers belong to a batch, not to a sample
    strength: int | None = None
    gradients: bool = False  # it follows the gradient of the model's loss
    nearest: bool = False  # one search answers for every ε


def _pgd(spec: AttackSpec, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Found:
    names = ("steps", "rel_step", "restarts", "random_start", "loss", "early_stop")
    settings = {name: getattr(spec, name) for name in names}
    through = None if spec.through is None else victim.twin(spec.through)
    return pgd(victim.model, x, y, spec.threat, **settings, gradient_of=through, ids=ids, seed=victim.seed)


def _transfer(spec: AttackSpec, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Tensor:
    """PGD on the source, to the end: its points are shown to the attacked model as they are."""
    settings = {
        name: getattr(spec, name) for name in ("steps", "rel_step", "restarts", "random_start", "loss")
    }
    source = victim.twin(SOURCE)
    return pgd(source, x, y, spec.threat, **settings, early_stop=False, ids=ids, seed=victim.seed).points


def _noise(
    attack: Callable[..., Tensor], spec: AttackSpec, victim: Victim, x: Tensor, y: Tensor, ids: Tensor
) -> Tensor:
    assert spec.restarts is not None
    return attack(victim.model, x, y, spec.threat, draws=spec.restarts, ids=ids, seed=victim.seed)


def _single_step(spec: AttackSpec, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Tensor:
    return single_step(victim.model, x, y, spec.threat, loss=spec.loss)


def _minimal_norm(spec: AttackSpec, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Found:
    assert spec.steps is not None
    points, distances = minimal_norm(
        victim.model, x, y, spec.norm, steps=spec.steps, ids=ids, seed=victim.seed
    )
    return Found(points, distances=distances)


def _random_search(spec: AttackSpec, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Tensor:
    random = generator(victim.seed, "random-search", int(ids[0]))
    with torch.no_grad():
        return random_search(victim.model, x, y, spec.threat, queries=QUERIES, random=random)


def _torchattack(spec: AttackSpec, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Tensor:
    assert spec.cls is not None
    settings = {"cls": spec.cls, "parameters": spec.parameters}
    return torchattack(victim.model, x, y, spec.threat, **settings, ids=ids, seed=victim.seed)


def _autoattack(spec: AttackSpec, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Found:
    return autoattack(victim.model, x, y, spec.threat, suite=SUITES[spec.attack], ids=ids, seed=victim.seed)


def _exact(spec: AttackSpec, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Found:
    return exact(victim.model, x, y, spec.threat)


def _suite(spec: AttackSpec, victim: Victim, x: Tensor, y: Tensor, ids: Tensor) -> Found:
    """The members in turn: those of the entry, or those that suit the model and its inputs."""
    with torch.no_grad():
        classes = victim.model(x[:1]).shape[1]
    given = spec.given_members() if spec.members is not None else default_members(spec, classes, x.dim() == 4)
    members = [member.for_classes(classes) for member in given]

    def turn(name: str, member: AttackSpec) -> tuple[str, Member]:
        return name, lambda left: _within(
            member, member.find(victim, x[left], y[left], ids[left.cpu()]), x[left]
        )

    names = _numbered([member.name for member in members])
    return in_turn(victim.model, x, y, [turn(*each) for each in zip(names, members, strict=True)])


def _within(spec: AttackSpec, found: Found, x: Tensor) -> Tensor:
    """The points found; of a search for the nearest one those that the threat allows, else x."""
    return found.points if found.distances is None else nearest_within(found, x, spec.eps)


def nearest_within(found: Found, x: Tensor, eps: float) -> Tensor:
    """The points whose distance is at most ε, and x in the place of the others."""
    assert found.distances is not None
    near = (found.distances.to(x.device) <= eps).view((-1,) + (1,) * (x.dim() - 1))
    return torch.where(near, found.points, x)


def default_members(suite: AttackSpec, classes: int, images: bool) -> list[AttackSpec]:
    """From the cheapest to the dearest: one step; PGD on three losses; the nearest wrong point; APGD on
    targeted DLR (with fewer than four classes on the margin); a search without gradients, which on points
    that are no images is a random search of the ball."""
    names: list[dict[str, Any]] = [{"attack": {"linf": "fgsm", "l2": "fgm"}[suite.norm]}]
    losses = [loss for loss in ("ce", "margin", "dlr") if classes >= NEEDS_CLASSES.get(loss, 2)]
    names += [{"attack": "pgd", "loss": loss} for loss in losses]
    names += [{"attack": "fmn"}, {"attack": "apgd-t"}, {"attack": "square" if images else "random_search"}]
    return [AttackSpec(norm=suite.norm, eps=suite.eps, **member) for member in names]


PGD = ("steps", "rel_step", "restarts", "random_start", "loss", "early_stop", "through", "precision")
PGD_DEFAULTS = {"steps": 50, "restarts": 1}
ONE_STEP = _Kind((), _single_step, ("loss",), {"steps": 1, "restarts": 1}, strength=1, gradients=True)
AUTOATTACK = _Kind(NORMS, _autoattack, draws_by_batch=True, gradients=True)
ATTACKS: dict[str, _Kind] = {
    "uniform_noise": _Kind(NORMS, partial(_noise, uniform_noise), ("restarts",), {"restarts": 1}, strength=0),
    "gaussian_noise": _Kind(
        NORMS, partial(_noise, gaussian_noise), ("restarts",), {"restarts": 1}, strength=0
    ),
    "fgsm": replace(ONE_STEP, norms=("linf",)),
    "fgm": replace(ONE_STEP, norms=("l2",)),
    "pgd": _Kind(NORMS, _pgd, PGD, PGD_DEFAULTS, strength=2, gradients=True),
    "suite": _Kind(NORMS, _suite, ("members",), draws_by_batch=True, strength=4, gradients=True),
    "fmn": _Kind(NORMS, _minimal_norm, ("steps",), {"steps": 100}, gradients=True, nearest=True),
    "transfer": _Kind(NORMS, _transfer, PGD[:5], PGD_DEFAULTS),
    "random_search": _Kind(NORMS, _random_search, draws_by_batch=True),
    "torchattacks": _Kind(NORMS, _torchattack, ("cls", "parameters"), draws_by_batch=True, gradients=True),
    "autoattack": replace(AUTOATTACK, strength=4, below_four_classes="autoattack-lt4"),
    "autoattack-lt4": replace(AUTOATTACK, strength=4),
    "autoattack_rapid": replace(AUTOATTACK, below_four_classes="autoattack_rapid-lt4"),
    "autoattack_rapid-lt4": AUTOATTACK,
    "apgd-ce": AUTOATTACK,
    "apgd-margin": AUTOATTACK,
    "apgd-t": replace(AUTOATTACK, below_four_classes="apgd-margin"),
    "fab": AUTOATTACK,
    "fab-t": replace(AUTOATTACK, below_four_classes="fab"),
    "square": replace(AUTOATTACK, gradients=False),
    "exact": _Kind(NORMS, _exact, strength=5),
}
