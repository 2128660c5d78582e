"""Each attack on points and on images, with 2 classes and with 10, in both norms: every pair of these."""

import pytest
import torch
from torch import nn

from bregman_exp.robustness import ATTACKS, AttackSpec, evaluate

from .reference import labelled, named

CLS = {"linf": "PGD", "l2": "PGDL2"}
SHAPES = {"points": (2,), "images": (3, 8, 8)}


def network(shape: tuple[int, ...], classes: int) -> nn.Module:
    """Random, all classes level in the middle of the box, so that there is a boundary nearby."""
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(torch.Size(shape).numel(), 16), nn.Tanh(), nn.Linear(16, classes)
    )
    with torch.no_grad():
        net[1].weight.mul_(6)
        net[3].bias -= net(torch.full((1, *shape), 0.5))[0]
    return net


CASES = {"linf": [("points", 2), ("images", 10)], "l2": [("points", 10), ("images", 2)]}


@pytest.mark.parametrize(
    ("attack", "norm", "kind", "classes"),
    [
        (name, norm, kind, classes)
        for name in ATTACKS
        if name != "exact"
        for norm in ATTACKS[name].norms
        for kind, classes in CASES[norm]
    ],
)
@pytest.mark.usefixtures("few_queries", "short_programs")
def test_it_runs_verified_and_breaks_no_more_than_there_is(
    attack: str, norm: str, kind: str, classes: int
) -> None:
    if attack in ("fab-t", "apgd-t") and classes == 2:
        assert AttackSpec.of(attack, norm, 0.05).for_classes(2).attack.name in ("fab", "apgd-margin")
    shape = SHAPES[kind]
    model = network(shape, classes)
    x, y = labelled(model, 12, *shape)
    y[0] = (y[0] + 1) % classes
    eps = {"points": 0.2, "images": {"linf": 0.2, "l2": 1.0}[norm]}[kind]
    settings = {"cls": CLS[norm]} if attack == "torchattacks" else {}
    spec = AttackSpec.of(attack, norm, eps, **settings)
    evaluation = evaluate(model, x, y, [spec], source=model if attack == "transfer" else None)
    assert [check.status for check in named(evaluation.checks, "points-in-threat")] == ["passed"]
    (entry,) = evaluation.robust
    assert not (entry.survivors & (evaluation.predictions != y)).any()
    if "noise" not in attack:
        assert entry.survivors.sum() < evaluation.clean.correct
