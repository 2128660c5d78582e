"""Several attacks as one: the worst case over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bregman_exp.robustness.attack import ATTACKS, Attack, attack_of, numbered, setting
from bregman_exp.robustness.attacks.in_turn import Member, in_turn
from bregman_exp.robustness.attacks.loss import NEEDS_CLASSES
from bregman_exp.robustness.attacks.minimal_norm import MinimalNorm
from bregman_exp.robustness.attacks.pgd import PGD
from bregman_exp.robustness.attacks.single_step import FGM, FGSM
from bregman_exp.robustness.found import Found
from bregman_exp.robustness.threat import Norm, Threat
from bregman_exp.robustness.victim import Victim


def _are_some(members: Any) -> bool:
    several = isinstance(members, Sequence) and not isinstance(members, str)
    return members is None or (several and len(members) > 0)


@dataclass(frozen=True)
class Suite(Attack):
    """Its members in turn, each on what the earlier ones left right.

    ``members``: attacks with their settings, as entries have them, but without norm and eps; None: those that
    suit the model and its inputs, see ``default_members``.
    """

    name, strength = "suite", 4
    gradients = draws_by_batch = True
    can_be_member = False

    members: Sequence[Mapping[str, Any]] | None = setting(
        _are_some, ": a suite needs at least one attack, e.g. [{attack: pgd}]", unsaid=True, default=None
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.given

    @property
    def given(self) -> list[Attack]:
        """The members of the entry; ValueError for one that is not allowed."""
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

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Found:
        with torch.no_grad():
            classes = victim.model(x[:1]).shape[1]
        given = self.given or default_members(threat.norm, classes, x.dim() == 4)
        members = [member.for_classes(classes) for member in given]

        def points_of(member: Attack) -> Member:
            def points(left: Tensor) -> Tensor:
                if threat.eps == 0:  # there is but one point, and members would search for nothing
                    return x[left]
                result = member.find(victim, x[left], y[left], ids[left.cpu()], threat)
                return Found.of(result).within(x[left], threat.eps)

            return points

        names = numbered([member.label for member in members])
        return in_turn(victim.model, x, y, list(zip(names, map(points_of, members), strict=True)))


def _member(entry: Any) -> Attack:
    if not isinstance(entry, Mapping) or "attack" not in entry:
        raise ValueError(f"members: {entry} needs attack, and may have its settings, e.g. {{attack: pgd}}.")
    settings = {name: value for name, value in entry.items() if name != "attack"}
    threatening = [name for name in ("norm", "eps") if name in settings]
    if threatening:
        raise ValueError(f"members: {entry} has {threatening[0]}; it is the suite's: leave it out.")
    member = attack_of(entry["attack"], settings)
    if not member.can_be_member:
        raise ValueError(f"members: {member.name} cannot be a member of a suite.")
    if "precision" in settings:
        raise ValueError(f"members: {entry} has precision; a suite computes in float32: leave it out.")
    return member


def default_members(norm: Norm, classes: int, images: bool) -> list[Attack]:
    """From the cheapest to the dearest: one step; PGD on three losses; the nearest wrong point; APGD on
    targeted DLR (with fewer than four classes on the margin); a search without gradients, which on points
    that are no images is a random search of the ball."""
    return [
        FGSM() if norm is Norm.LINF else FGM(),
        *(PGD(loss) for loss in ("ce", "margin", "dlr") if classes >= NEEDS_CLASSES.get(loss, 2)),
        MinimalNorm(),
        ATTACKS["apgd-t"](),
        ATTACKS["square" if images else "random_search"](),
    ]
