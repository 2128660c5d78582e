"""AutoAttack as its authors define it, run on the samples that are still right."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import ATTACKS, Attack
from bregman_exp.robustness.attack_result import AttackResult
from bregman_exp.robustness.attacks.random_search import QUERIES
from bregman_exp.robustness.attacks.suite import Member, worst_case
from bregman_exp.robustness.libraries import AsImages, version_of
from bregman_exp.robustness.threat import Threat
from bregman_exp.robustness.victim import Victim

MIN_CLASSES = 4  # the targeted DLR loss divides by a difference to the fourth largest logit


@dataclass(frozen=True)
class Program(Attack):
    """A sequence of the authors' attacks, ``members``; each sees the samples that are still right.

    ``steps`` are those of APGD and FAB, ``targets`` is the largest number of target classes. On a single
    batch the result equals that of the authors' program with the same seed. A sample that no member breaks
    keeps its clean point. ``counts``: {"shares": {member: number of samples that it was the first to break}}.

    Members see float32 images; other samples are viewed as (d, 1, 1). In ℓ2 Square cannot start on images of
    fewer than 5 rows; ``random_search`` with as many queries replaces it, under its own name. Members reset
    the global random states, and FAB adds to the gradients of parameters: the harness undoes both.

    Raises ValueError for a program with targets and fewer than four classes.
    """

    gradients = draws_by_batch = True
    package = "pyautoattack"
    members: ClassVar[tuple[str, ...]]
    steps: ClassVar[int] = 100
    targets: ClassVar[int] = 9
    restarts: ClassVar[int] = 1
    below_four: ClassVar[str | None] = None  # the attack that replaces it below four classes

    def for_classes(self, classes: int) -> Attack:
        return self if self.below_four is None or classes >= MIN_CLASSES else ATTACKS[self.below_four]()

    def to_json(self) -> dict[str, Any]:
        queries = {"queries": QUERIES} if "square" in self.members else {}
        steps, package = self.steps or None, version_of("pyautoattack")
        return super().to_json() | {"steps": steps, **queries, "package": package}

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> AttackResult:
        from bregman_exp.robustness.attacks.autoattack_members import Members  # it imports pyautoattack

        with torch.no_grad():  # as in the authors' program: members enable gradients where they need them
            model = AsImages(_Float32(victim.model, x.dtype), x.shape[1:])
            images = model.image(x).float().contiguous()
            members = Members(
                model,
                threat,
                victim.seed,
                generator(victim.seed, "random-search", int(ids[0])),
                x.device,
                classes=model(images[:1]).shape[1],
                height=images.shape[2],
                steps=self.steps,
                targets=self.targets,
            )

            def named_member(member: str) -> tuple[str, Member]:
                name, perturb = members.named(member)
                return name, lambda left: perturb(images[left], y[left]) if threat.eps > 0 else images[left]

            result = worst_case(model, images, y, map(named_member, self.members))
        return replace(result, points=result.points.view_as(x).to(x.dtype))


def _program(name: str, *members: str, **variables: Any) -> type[Program]:
    """The attack class of a program; without ``members`` the program is the single member ``name``."""
    return type(name, (Program,), {"name": name, "members": members or (name,), **variables})


# The first is the version "standard" of Croce & Hein (2020): APGD on the cross-entropy, APGD on the targeted
# DLR loss −(z_y − z_t) / (z_(1) − (z_(3) + z_(4)) / 2), targeted FAB, Square.
PROGRAMS = (
    _program("autoattack", "apgd-ce", "apgd-t", "fab-t", "square", strength=4, below_four="autoattack-lt4"),
    _program("autoattack-lt4", "apgd-ce", "apgd-margin", "fab", "square", strength=4, targets=0),
    _program("autoattack_rapid", "apgd-ce", "apgd-t", steps=30, targets=3, below_four="autoattack_rapid-lt4"),
    _program("autoattack_rapid-lt4", "apgd-ce", "apgd-margin", steps=30, targets=0),
    _program("apgd-ce"),
    _program("apgd-margin"),
    _program("apgd-t", below_four="apgd-margin"),
    _program("fab"),
    _program("fab-t", below_four="fab"),
    _program("square", steps=0, targets=0, gradients=False),
)


class _Float32(nn.Module):
    """The model with float32 inputs and logits; the logits are a copy, because Square writes into them."""

    def __init__(self, model: nn.Module, dtype: torch.dtype):
        super().__init__()
        self.model, self.dtype = model, dtype

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.to(self.dtype)).float().clone()
