"""A suite: the worst case over several attacks, sample by sample."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bregman_exp.robustness.attack import ATTACKS, Attack, attack_of, numbered, setting
from bregman_exp.robustness.attack_result import AttackResult
from bregman_exp.robustness.attacks.loss import NEEDS_CLASSES
from bregman_exp.robustness.attacks.minimal_norm import MinimalNorm
from bregman_exp.robustness.attacks.pgd import PGD, is_right
from bregman_exp.robustness.attacks.single_step import FGM, FGSM
from bregman_exp.robustness.threat import Norm, Threat
from bregman_exp.robustness.victim import Victim

Member = Callable[[Tensor], Tensor]  # indices (n,) of the samples to attack -> their points (n, …)


def _is_none_or_not_empty(members: Any) -> bool:
    is_sequence = isinstance(members, Sequence) and not isinstance(members, str)
    return members is None or (is_sequence and len(members) > 0)


@dataclass(frozen=True)
class Suite(Attack):
    """A sequence of attacks; each attacks the samples that are still right.

    ``members``: attacks with their settings, like entries without norm and eps; None: a choice for the model
    and its inputs, see ``default_members``.
    """

    name, strength = "suite", 4
    gradients = draws_by_batch = True
    can_be_member = False

    members: Sequence[Mapping[str, Any]] | None = setting(
        _is_none_or_not_empty,
        ": a suite needs at least one attack, e.g. [{attack: pgd}]",
        unsaid=True,
        default=None,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.given

    @property
    def given(self) -> list[Attack]:
        """The members that the entry gives; ValueError for an invalid member."""
        return [_member(member) for member in self.members or ()]

    @property
    def needs_source(self) -> bool:
        return any(member.needs_source for member in self.given)

    def to_json(self) -> dict[str, Any]:
        members = {} if self.members is None else {"members": [dict(member) for member in self.members]}
        return super().to_json() | members

    def check_norm(self, norm: Norm) -> None:
        for member in (super(), *self.given):
            member.check_norm(norm)

    def check_fits(self, victim: Victim, classes: int) -> None:
        for member in self.given:
            member.check_fits(victim, classes)

    def rehearse(self, threat: Threat, model: nn.Module, shape: torch.Size, classes: int) -> None:
        for member in self.given:
            member.rehearse(threat, model, shape, classes)

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> AttackResult:
        with torch.no_grad():
            classes = victim.model(x[:1]).shape[1]
        given = self.given or default_members(threat.norm, classes, x.dim() == 4)
        members = [member.for_classes(classes) for member in given]

        def points_of(member: Attack) -> Member:
            def points(left: Tensor) -> Tensor:
                if threat.eps == 0:  # x is the only point of the threat
                    return x[left]
                result = member.find(victim, x[left], y[left], ids[left.cpu()], threat)
                return AttackResult.of(result).within(x[left], threat.eps)

            return points

        names = numbered([member.label for member in members])
        return worst_case(victim.model, x, y, list(zip(names, map(points_of, members), strict=True)))


def _member(entry: Any) -> Attack:
    if not isinstance(entry, Mapping) or "attack" not in entry:
        raise ValueError(f"members: {entry} needs attack, and may have its settings, e.g. {{attack: pgd}}.")
    settings = {name: value for name, value in entry.items() if name != "attack"}
    of_threat = [name for name in ("norm", "eps") if name in settings]
    if of_threat:
        raise ValueError(f"members: {entry} has {of_threat[0]}, which the suite sets: leave it out.")
    member = attack_of(entry["attack"], settings)
    if not member.can_be_member:
        raise ValueError(f"members: {member.name} cannot be a member of a suite.")
    if "precision" in settings:
        raise ValueError(f"members: {entry} has precision, but a suite computes in float32: leave it out.")
    return member


def default_members(norm: Norm, classes: int, images: bool) -> list[Attack]:
    """The default members, from cheap to expensive.

    They are a single step; PGD on three losses; the nearest wrong point; APGD on the targeted DLR loss (on
    the margin for fewer than four classes); and a search without gradients: Square, or for samples that are
    not images a random search of the ball.
    """
    return [
        FGSM() if norm is Norm.LINF else FGM(),
        *(PGD(loss) for loss in ("ce", "margin", "dlr") if classes >= NEEDS_CLASSES.get(loss, 2)),
        MinimalNorm(),
        ATTACKS["apgd-t"](),
        ATTACKS["square" if images else "random_search"](),
    ]


def worst_case(model: nn.Module, x: Tensor, y: Tensor, members: Iterable[tuple[str, Member]]) -> AttackResult:
    """The points of several attacks; each attacks only the samples that are still right.

    The points of a member are evaluated on the whole batch, as in the harness. A sample that no member breaks
    keeps its clean point. ``counts``: {"shares": {member: number of samples that it was the first to break}}.

    Shapes: x (N, …) in [0, 1], y (N,) -> points like x, not yet verified.
    """
    points, right, shares = x.clone(), _right(model, x, y), {}
    for name, perturb in members:
        candidates, left = points.clone(), right.nonzero().flatten()
        if len(left) > 0:
            candidates[left] = perturb(left)
        broken = right & ~_right(model, candidates, y)
        points[broken], right = candidates[broken], right & ~broken
        shares[name] = int(broken.sum())
    return AttackResult(points, {"shares": shares})


@torch.no_grad()
def _right(model: nn.Module, points: Tensor, y: Tensor) -> Tensor:
    return is_right(model(points), y)
