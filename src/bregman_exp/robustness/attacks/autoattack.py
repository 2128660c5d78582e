"""AutoAttack as its authors define it: their attacks in turn, made harmless."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attack import ATTACKS, Attack
from bregman_exp.robustness.attacks.as_images import AsImages
from bregman_exp.robustness.attacks.in_turn import Member, in_turn
from bregman_exp.robustness.attacks.random_search import QUERIES
from bregman_exp.robustness.found import Found
from bregman_exp.robustness.packages import version_of
from bregman_exp.robustness.threat import Threat
from bregman_exp.robustness.victim import Victim

FEWEST_CLASSES = 4  # the targeted DLR loss divides by a difference to the fourth largest logit


@dataclass(frozen=True)
class Program(Attack):
    """The authors' ``members`` in turn, each on the samples that the earlier ones left right.

    ``steps`` are those of APGD and FAB, ``targets`` is the most target classes. On one batch the result is
    that of the authors' own program from the same seed. For points that no member breaks the clean ones are
    returned. ``counts``: {"shares": {member: how many samples it was the first to break}}.

    Members see float32 and images: points as (N, d, 1, 1). On images lower than 5 pixels Square cannot start
    in ℓ2; ``random_search`` with as many queries stands in, under that name. Members reset the global random
    states to the seed, and FAB adds to the gradients of parameters that take any: the harness undoes both.

    Raises ValueError where a program with targets meets fewer than four classes.
    """

    gradients = draws_by_batch = True
    package = "pyautoattack"
    members: ClassVar[tuple[str, ...]]
    steps: ClassVar[int] = 100
    targets: ClassVar[int] = 9
    restarts: ClassVar[int] = 1
    below_four: ClassVar[str | None] = None  # the attack that stands in below four classes

    def for_classes(self, classes: int) -> Attack:
        return self if self.below_four is None or classes >= FEWEST_CLASSES else ATTACKS[self.below_four]()

    def to_json(self) -> dict[str, Any]:
        queries = {"queries": QUERIES} if "square" in self.members else {}
        steps, package = self.steps or None, version_of("pyautoattack")
        return super().to_json() | {"steps": steps, **queries, "package": package}

    def find(self, victim: Victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Found:
        from bregman_exp.robustness.attacks.autoattack_members import Members  # it needs their package

        with torch.no_grad():  # as in the authors' program: members ask for gradients where they need them
            viewed = AsImages(_Float32(victim.model, x.dtype), x.shape[1:])
            images = viewed.image(x).float().contiguous()
            members = Members(
                viewed,
                threat,
                victim.seed,
                generator(victim.seed, "random-search", int(ids[0])),
                x.device,
                classes=viewed(images[:1]).shape[1],
                height=images.shape[2],
                steps=self.steps,
                targets=self.targets,
            )

            def turn(member: str) -> tuple[str, Member]:
                name, perturb = members.named(member)
                return name, lambda left: perturb(images[left], y[left]) if threat.eps > 0 else images[left]

            found = in_turn(viewed, images, y, map(turn, self.members))
        return replace(found, points=found.points.view_as(x).to(x.dtype))


def _program(name: str, *members: str, **variables: Any) -> type[Program]:
    """One attack of its own for each program; without ``members`` it is one member alone."""
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
    """The model for float32 inputs, with float32 logits of their own: Square writes into them."""

    def __init__(self, model: nn.Module, dtype: torch.dtype):
        super().__init__()
        self.model, self.dtype = model, dtype

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.to(self.dtype)).float().clone()
