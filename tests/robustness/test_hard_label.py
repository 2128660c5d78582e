"""The search by predicted classes finds what is known to be in reach, and sees nothing but classes."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from bregman_exp.robustness import AttackSpec, Threat, evaluate
from bregman_exp.robustness.attacks.hard_label import hard_label

from .reference import Function, Watched, linear_task


class ClassAlone(nn.Module):
    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return F.one_hot(self.model(x).argmax(1), 2).float()


def keyed() -> torch.Generator:
    return torch.Generator().manual_seed(1)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(("shape", "share"), [((2,), 0.95), ((8,), 0.9), ((3, 6, 6), 0.5)])
def test_it_breaks_linear_models_at_the_known_distance(
    norm: str, shape: tuple[int, ...], share: float
) -> None:
    """share: of the samples whose distance is below ε, at 1.3 times the median distance."""
    task = linear_task(shape, 0.3, 0.7, n=60)
    right = task.lead(task.points) > 0
    x, y = task.points[right], task.y[right]
    w = task.towards_the_other[right][0]
    distance = task.lead(task.points)[right] / (w.abs().sum() if norm == "linf" else w.norm())
    threat = Threat(norm, 1.3 * float(distance.median()))
    points = hard_label(task.model, x, y, threat, random=keyed())
    broken = task.model(points).argmax(1) != y
    assert threat.violation(points, x).max() <= 1e-6
    assert not (broken & (distance > threat.eps + 1e-6)).any()
    assert broken.sum() >= share * (distance <= threat.eps).sum()
    assert torch.equal(points[~broken], x[~broken])
    assert torch.equal(hard_label(ClassAlone(task.model), x, y, threat, random=keyed()), points)


def test_it_asks_no_more_than_it_may() -> None:
    task = linear_task((3, 6, 6), 0.3, 0.7, n=20)
    model = Watched(task.model)
    for queries in (50, 400):
        model.seen.clear()
        hard_label(model, task.points, task.y, Threat("linf", 0.001), queries=queries, random=keyed())
        asked = sum(len(seen) for seen in model.seen) / 20
        assert queries / 2 < asked < queries + 300  # the last round is finished


class Largest(TorchDispatchMode):
    """How many values the largest tensor had that was made."""

    values = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor):
            self.values = max(self.values, made.numel())
        return made


def test_no_more_values_at_once_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    task = linear_task((3, 12, 12), 0.3, 0.7, n=20)
    most = 10 * task.points.numel()
    monkeypatch.setattr("bregman_exp.robustness.attacks.hard_label.MAX_VALUES", most)
    with Largest() as largest:
        points = hard_label(task.model, task.points, task.y, Threat("linf", 0.02), random=keyed())
    assert task.points.numel() < largest.values <= most
    assert (points != task.points).any()


def test_where_nothing_is_wrong_the_points_stay() -> None:
    model = Function(lambda x: x[:, 0] - 9)
    x, y = torch.rand(10, 2), torch.zeros(10, dtype=torch.int64)
    assert torch.equal(hard_label(model, x, y, Threat("l2", 0.5), random=keyed()), x)
    evaluation = evaluate(
        model, x, y, [AttackSpec.of("hard_label", "l2", 0.0), AttackSpec.of("hard_label", "l2", 0.3)]
    )
    assert [entry.result.accuracy for entry in evaluation.robust] == [1, 1]
