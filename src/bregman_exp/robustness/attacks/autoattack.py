"""AutoAttack as its authors define it: their attacks in turn, made harmless."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attacks.as_images import AsImages
from bregman_exp.robustness.attacks.found import Found
from bregman_exp.robustness.attacks.in_turn import Member, in_turn
from bregman_exp.robustness.attacks.random_search import QUERIES
from bregman_exp.robustness.packages import version_of
from bregman_exp.robustness.threat import Threat

FEWEST_CLASSES = 4  # the targeted DLR loss divides by a difference to the fourth largest logit


@dataclass(frozen=True)
class Program:
    """Members in their order, the steps of APGD and FAB, and the most target classes."""

    members: tuple[str, ...]
    steps: int
    targets: int

    def to_json(self) -> dict[str, Any]:
        package = version_of("pyautoattack")
        queries = {"queries": QUERIES} if "square" in self.members else {}
        return {"steps": self.steps or None, "restarts": 1, "loss": None, **queries, "package": package}


ALONE = ("apgd-ce", "apgd-margin", "apgd-t", "fab", "fab-t")  # one member is a program, too
PROGRAMS = {
    "autoattack": Program(("apgd-ce", "apgd-t", "fab-t", "square"), steps=100, targets=9),
    "autoattack-lt4": Program(("apgd-ce", "apgd-margin", "fab", "square"), steps=100, targets=0),
    "autoattack_rapid": Program(("apgd-ce", "apgd-t"), steps=30, targets=3),
    "autoattack_rapid-lt4": Program(("apgd-ce", "apgd-margin"), steps=30, targets=0),
    **{name: Program((name,), steps=100, targets=9) for name in ALONE},
    "square": Program(("square",), steps=0, targets=0),
}


def autoattack(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    threat: Threat,
    *,
    program: Program = PROGRAMS["autoattack"],
    ids: Tensor,
    seed: int = 0,
) -> Found:
    """The members of the program in turn, each on the samples that the earlier ones left right.

    The program ``autoattack`` is the version "standard" of Croce & Hein (2020): APGD on the cross-entropy,
    APGD on the targeted DLR loss −(z_y − z_t) / (z_(1) − (z_(3) + z_(4)) / 2), targeted FAB, Square; on one
    batch the result is that of the authors' own program from the same seed. For points that no member breaks
    the clean ones are returned. ``counts``: {"shares": {member: how many samples it was the first to break}}.

    Members see float32 and images: points as (N, d, 1, 1). On images lower than 5 pixels Square cannot start
    in ℓ2; ``random_search`` with as many queries stands in, under that name. Members reset the global random
    states to ``seed``, and FAB adds to the gradients of parameters that take any: the harness undoes both.

    Shapes: x (N, …) in [0, 1], y and ids (N,) -> points like x, not yet verified.

    Raises ValueError where a program with targets meets fewer than four classes.
    """
    from bregman_exp.robustness.attacks.autoattack_members import Members  # it needs their package

    with torch.no_grad():  # as in the authors' program: members ask for gradients where they need them
        viewed = AsImages(_Float32(model, x.dtype), x.shape[1:])
        images = viewed.image(x).float().contiguous()
        members = Members(
            viewed,
            threat,
            seed,
            generator(seed, "random-search", int(ids[0])),
            x.device,
            classes=viewed(images[:1]).shape[1],
            height=images.shape[2],
            steps=program.steps,
            targets=program.targets,
        )

        def turn(member: str) -> tuple[str, Member]:
            name, perturb = members.named(member)
            return name, lambda left: perturb(images[left], y[left]) if threat.eps > 0 else images[left]

        found = in_turn(viewed, images, y, map(turn, program.members))
    return replace(found, points=found.points.view_as(x).to(x.dtype))


class _Float32(nn.Module):
    """The model for float32 inputs, with float32 logits of their own: Square writes into them."""

    def __init__(self, model: nn.Module, dtype: torch.dtype):
        super().__init__()
        self.model, self.dtype = model, dtype

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.to(self.dtype)).float().clone()
