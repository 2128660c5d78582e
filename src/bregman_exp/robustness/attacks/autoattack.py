"""AutoAttack as its authors define it: their attacks in turn, made harmless."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.attacks.as_images import AsImages
from bregman_exp.robustness.attacks.autoattack_members import Members
from bregman_exp.robustness.attacks.found import Found
from bregman_exp.robustness.threat import Threat


@dataclass(frozen=True)
class Suite:
    """Members in their order, the steps of APGD and FAB, and the most target classes."""

    members: tuple[str, ...]
    steps: int
    targets: int

    def to_json(self) -> dict[str, Any]:
        package = f"pyautoattack {version('pyautoattack')}"
        return {"steps": self.steps, "restarts": 1, "loss": None, "package": package}


SUITES = {
    "autoattack": Suite(("apgd-ce", "apgd-t", "fab-t", "square"), steps=100, targets=9),
    "autoattack-lt4": Suite(("apgd-ce", "apgd-margin", "fab", "square"), steps=100, targets=0),
    "autoattack_rapid": Suite(("apgd-ce", "apgd-t"), steps=30, targets=3),
    "autoattack_rapid-lt4": Suite(("apgd-ce", "apgd-margin"), steps=30, targets=0),
}


def autoattack(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    threat: Threat,
    *,
    suite: Suite = SUITES["autoattack"],
    ids: Tensor,
    seed: int = 0,
) -> Found:
    """The members of the suite in turn, each on the samples that the earlier ones left right.

    The suite ``autoattack`` is the version "standard" of Croce & Hein (2020): APGD on the cross-entropy, APGD
    on the targeted DLR loss −(z_y − z_t) / (z_(1) − (z_(3) + z_(4)) / 2), targeted FAB, Square; on one batch
    the result is that of the authors' own program from the same seed. For points that no member breaks the
    clean ones are returned. ``counts``: {"shares": {member: how many samples it was the first to break}}.

    Members see float32 and images: points as (N, d, 1, 1). On images lower than 5 pixels Square cannot start
    in ℓ2; ``random_search`` with as many queries stands in, under that name. Members reset the global random
    states to ``seed``, and FAB adds to the gradients of parameters that take any: the harness undoes both.

    Shapes: x (N, …) in [0, 1], y and ids (N,) -> points like x, not yet verified.

    Raises ValueError where a suite with targets meets fewer than four classes.
    """
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
            steps=suite.steps,
            targets=suite.targets,
        )
        points, right, shares = images.clone(), _right(viewed, images, y), {}
        for member in suite.members:
            name, perturb = members.named(member)
            tried, left = points.clone(), right.nonzero().flatten()
            if len(left) > 0 and threat.eps > 0:
                tried[left] = perturb(images[left], y[left])
            broken = right & ~_right(viewed, tried, y)  # the whole batch at once, as the harness looks at it
            points[broken], right = tried[broken], right & ~broken
            shares[name] = int(broken.sum())
    return Found(points.view_as(x).to(x.dtype), {"shares": shares})


class _Float32(nn.Module):
    """The model for float32 inputs, with float32 logits of their own: Square writes into them."""

    def __init__(self, model: nn.Module, dtype: torch.dtype):
        super().__init__()
        self.model, self.dtype = model, dtype

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.to(self.dtype)).float().clone()


def _right(model: nn.Module, images: Tensor, y: Tensor) -> Tensor:
    logits = model(images)
    return (logits.argmax(dim=1) == y) & logits.isfinite().all(dim=1)
