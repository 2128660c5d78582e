"""Where the worst case is known in closed form, the attacks find it, sample by sample."""

import pytest
import torch
from torch import Tensor

from bregman_exp.robustness import AttackSpec, evaluate, robust_accuracy

from .reference import Function, Task, linear_task, named, tiny_mlp

DUAL = {"linf": 1, "l2": 2}  # the order of the dual norm
ATTACKS = [("fgsm", "linf"), ("pgd", "linf"), ("fgm", "l2"), ("pgd", "l2")]
SHAPES = pytest.mark.parametrize(("shape", "dtype"), [((6,), torch.float32), ((2, 2, 2), torch.uint8)])


def assert_survivors(task: Task, attack: str, norm: str, eps: float, lead: Tensor, **settings) -> None:
    """Those with a lead left survive, the others do not; rounding decides where nearly none is left."""
    clear = lead.abs() > 1e-5 * task.model.weight.abs().max()
    assert clear.float().mean() > 0.95
    assert 0 < (lead > 0).sum() < (task.lead(task.points) > 0).sum()  # some survive, some do not
    report = robust_accuracy(task.model, task.x, task.y, attack, norm, eps, **settings)
    assert torch.equal(report.survivors[clear], (lead > 0)[clear])


@SHAPES
@pytest.mark.parametrize("eps", [0.01, 0.03, 0.1])
@pytest.mark.parametrize(("attack", "norm"), ATTACKS)
def test_a_linear_classifier_far_from_the_box(
    attack: str, norm: str, shape: tuple[int, ...], eps: float, dtype: torch.dtype
) -> None:
    task = linear_task(shape, 0.3, 0.7)
    if dtype == torch.uint8:
        task.x = (task.x * 255).round().to(torch.uint8)
    lead = task.lead(task.points) - eps * task.towards_the_other.norm(p=DUAL[norm], dim=1)
    assert_survivors(task, attack, norm, eps, lead)


@SHAPES
@pytest.mark.parametrize("eps", [0.02, 0.1, 0.2])
@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_a_linear_classifier_where_the_box_stops_the_move(
    attack: str, shape: tuple[int, ...], eps: float, dtype: torch.dtype
) -> None:
    task = linear_task(shape, 0, 1)
    task.x = (task.x * 1.4 - 0.2).clamp(0, 1)  # many coordinates at the ends
    if dtype == torch.uint8:
        task.x = (task.x * 255).round().to(torch.uint8)
    move = eps * task.towards_the_other.sign().view(task.x.shape)
    corner = (task.points + move).clamp(0, 1)
    free = task.lead(task.points) - eps * task.towards_the_other.norm(p=1, dim=1)
    assert ((task.lead(corner) > 0) & (free < 0)).any()  # the box saves some
    assert_survivors(task, attack, "linf", eps, task.lead(corner))


@pytest.mark.parametrize("loss", ["ce", "margin"])
@pytest.mark.parametrize(("attack", "norm"), ATTACKS)
def test_confidence_is_not_robustness(attack: str, norm: str, loss: str) -> None:
    """Leads of up to hundreds, where softmax is 1 in float32 and the usual cross-entropy has no gradient."""
    task = linear_task((6,), 0.3, 0.7, scale=1000.0)
    lead = task.lead(task.points) - 0.05 * task.towards_the_other.norm(p=DUAL[norm], dim=1)
    assert_survivors(task, attack, norm, 0.05, lead, loss=loss)


def test_the_nearest_adversarial_point_of_a_linear_classifier() -> None:
    task = linear_task((6,), 0.3, 0.7)
    eps, overshoot = 0.05, 1.02  # DeepFool goes to the boundary and 2 % beyond
    lead = overshoot * task.lead(task.points) - eps * task.towards_the_other.norm(dim=1)
    lead[task.lead(task.points) < 0] = -1
    assert_survivors(task, "torchattacks", "l2", eps, lead, cls="DeepFool")


EVERY_ATTACK = [
    ("fgsm", "linf", None),
    ("fgm", "l2", None),
    ("pgd", "linf", None),
    ("pgd", "l2", None),
    ("torchattacks", "linf", "FGSM"),
    ("torchattacks", "linf", "PGD"),
    ("torchattacks", "l2", "PGDL2"),
    ("torchattacks", "l2", "DeepFool"),
]


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize(("attack", "norm", "cls"), EVERY_ATTACK)
def test_eps_0_is_clean_accuracy(attack: str, norm: str, cls: str | None, flat: bool) -> None:
    model = Function(lambda x: 0 * x.sum(1) - 1) if flat else tiny_mlp(classes=2)
    x, y = torch.rand(40, 2), torch.arange(40) % 2
    evaluation = evaluate(model, x, y, [AttackSpec.of(attack, norm, 0, cls=cls)])
    (entry,), (check,) = evaluation.robust, named(evaluation.checks, "points-in-threat")
    assert 0 < evaluation.clean.correct < 40
    assert torch.equal(entry.survivors, evaluation.predictions == y)
    assert (check.status, check.value) == ("passed", 0)


@pytest.mark.parametrize(("attack", "norm"), ATTACKS)
def test_a_gradient_of_0_leaves_the_sample_in_the_ball(attack: str, norm: str) -> None:
    x, y = torch.rand(40, 2), torch.arange(40) % 2
    report = robust_accuracy(Function(lambda x: 0 * x.sum(1) - 1), x, y, attack, norm, 0.1)
    assert report.accuracy == 0.5
    assert named(report.checks, "points-in-threat")[0].status == "passed"


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_tiny_gradient_has_a_direction(norm: str) -> None:
    x, y = torch.full((1, 2), 0.5), torch.zeros(1, dtype=torch.int64)
    model = Function(lambda x: 1e-30 * (x.sum(1) - 1.05))
    for attack in ("pgd", "fgsm" if norm == "linf" else "fgm"):
        assert robust_accuracy(model, x, y, attack, norm, 0.1).accuracy == 0
        assert robust_accuracy(model, x, y, attack, norm, 0.02).accuracy == 1
