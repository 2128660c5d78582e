"""Any class of torchattacks by name, behind the same verification."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bregman_exp.robustness import AttackSpec, evaluate, robust_accuracy
from bregman_exp.robustness.victim import Victim

from .reference import Function, Linear, Watched, labelled, tiny_conv, tiny_mlp

CLASSES = [
    ("PGD", "linf", {}),
    ("FGSM", "linf", {}),
    ("PGDL2", "l2", {}),
    ("DeepFool", "l2", {"steps": 10}),
    ("CW", "l2", {"steps": 10, "c": 10, "lr": 0.02}),
    ("APGD", "linf", {"steps": 3}),
    ("APGD", "l2", {"steps": 3}),
    ("Square", "linf", {"n_queries": 20}),
]


def task(kind: str) -> tuple[nn.Module, Tensor, Tensor]:
    model = tiny_conv() if kind == "images" else tiny_mlp()
    return model, *labelled(model, 24, *((3, 6, 6) if kind == "images" else (2,)))


@pytest.mark.parametrize("kind", ["images", "points"])
@pytest.mark.parametrize(("cls", "norm", "parameters"), CLASSES)
def test_classes_by_name(
    cls: str, norm: str, parameters: dict[str, Any], kind: str, capfd: pytest.CaptureFixture
) -> None:
    model, x, y = task(kind)
    eps = {"images": {"linf": 0.05, "l2": 0.4}, "points": {"linf": 0.1, "l2": 0.1}}[kind][norm]
    model.train()
    model[0].eval()
    modes = [module.training for module in model.modules()]
    report = robust_accuracy(model, x, y, "torchattacks", norm, eps, cls=cls, parameters=parameters)
    assert report.checks[0].status == "passed"
    assert 0 < report.correct < 24
    assert [module.training for module in model.modules()] == modes
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("kind", ["images", "points"])
@pytest.mark.parametrize("eps", [0.01, 0.05, 0.1])
def test_its_fgsm_is_ours(eps: float, kind: str) -> None:
    model, x, y = task(kind)
    theirs = robust_accuracy(model, x, y, "torchattacks", "linf", eps, cls="FGSM")
    assert torch.equal(robust_accuracy(model, x, y, "fgsm", "linf", eps).survivors, theirs.survivors)


@pytest.mark.parametrize("kind", ["images", "points"])
@pytest.mark.parametrize(("cls", "norm"), [("PGD", "linf"), ("PGDL2", "l2")])
@pytest.mark.parametrize("steps", [3, 10])
def test_our_pgd_is_never_the_weaker_from_the_same_start(steps: int, cls: str, norm: str, kind: str) -> None:
    model, x, y = task(kind)
    parameters = {"steps": steps, "random_start": False}
    for eps in (0.05, 0.2):
        theirs = robust_accuracy(model, x, y, "torchattacks", norm, eps, cls=cls, parameters=parameters)
        ours = robust_accuracy(model, x, y, "pgd", norm, eps, **parameters)
        assert not (ours.survivors & ~theirs.survivors).any()


@pytest.mark.parametrize(("cls", "norm"), [("PGD", "linf"), ("PGDL2", "l2")])
def test_our_pgd_keeps_what_the_library_loses(cls: str, norm: str) -> None:
    model = Function(lambda x: 0.05 - (x[:, 0] - 0.58).abs())  # the iterates: 0.5, 0.6 (wrong), 0.5, …
    x, y = torch.full((1, 1), 0.5), torch.zeros(1, dtype=torch.int64)
    settings = {"steps": 4, "random_start": False}
    theirs = {"cls": cls, "parameters": settings | {"alpha": 0.1}}
    assert robust_accuracy(model, x, y, "torchattacks", norm, 0.2, **theirs).correct == 1
    assert robust_accuracy(model, x, y, "pgd", norm, 0.2, rel_step=0.5, **settings).correct == 0


@pytest.mark.parametrize(("cls", "norm", "eps"), [("PGD", "linf", 0.05), ("PGDL2", "l2", 0.3)])
def test_our_pgd_is_never_the_weaker_from_random_starts(cls: str, norm: str, eps: float) -> None:
    model, x, y = task("images")
    theirs = robust_accuracy(model, x, y, "torchattacks", norm, eps, cls=cls)
    ours = robust_accuracy(model, x, y, "pgd", norm, eps, steps=10)
    assert 0 < ours.correct <= theirs.correct < 24


@pytest.mark.parametrize(("cls", "norm"), [("PGD", "linf"), ("PGDL2", "l2")])
@pytest.mark.parametrize(("parameters", "step"), [({}, 0.0025), ({"alpha": 0.001}, 0.001)])
def test_the_step_follows_from_eps_unless_it_is_given(
    cls: str, norm: str, parameters: dict[str, float], step: float
) -> None:
    settings = {"steps": 3, "random_start": False} | parameters
    x, y = torch.full((1, 1), 0.5), torch.zeros(1, dtype=torch.int64)
    model = Watched(Function(lambda x: x[:, 0] - 5))
    robust_accuracy(model, x, y, "torchattacks", norm, 0.01, cls=cls, parameters=settings)
    moved = torch.cat(model.seen).flatten()[1:5] - 0.5
    # the start, two steps and the verified third
    torch.testing.assert_close(moved, torch.arange(4) * step, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cls", ["DeepFool", "CW"])
def test_a_nearest_point_beyond_eps_is_a_failure_of_the_attack(cls: str) -> None:
    model = Linear(torch.tensor([[0.0], [1.0]]), torch.tensor([1.0, 0.5]))  # the boundary is 0.5
    x, y = torch.tensor([[0.45], [0.3], [0.2]]), torch.zeros(3, dtype=torch.int64)
    spec = AttackSpec.of("torchattacks", "l2", 0.1, cls=cls, parameters={"c": 20} if cls == "CW" else {})
    points = spec.find(Victim(model, 0), x, y, torch.arange(3)).points
    assert points[0].item() > 0.5
    assert torch.equal(points[1:], x[1:])
    assert robust_accuracy(
        model, x, y, "torchattacks", "l2", 0.1, cls=cls, parameters=spec.attack.parameters
    ).survivors.tolist() == [False, True, True]


def test_a_nearest_point_that_is_nan_has_no_number() -> None:
    model = Function(lambda x: 0 * x.sum(1) - 1)  # DeepFool divides by the gradient
    x, y = torch.rand(3, 2), torch.zeros(3, dtype=torch.int64)
    report = robust_accuracy(model, x, y, "torchattacks", "l2", 0.1, cls="DeepFool")
    assert (report.accuracy, report.verdict) == (None, "unreliable")


@pytest.mark.parametrize(
    ("cls", "parameters"),
    [("PGD", {"steps": 2}), ("Pixle", {"restarts": 2, "max_iterations": 2})],  # Pixle draws from NumPy
)
def test_its_points_follow_from_the_seed_alone(cls: str, parameters: dict[str, Any]) -> None:
    model, x, y = task("images")
    model.eval()
    spec = AttackSpec.of("torchattacks", "linf", 1, cls=cls, parameters=parameters)
    points = []
    for state, seed in ((1, 0), (2, 0), (1, 1)):
        torch.manual_seed(state)
        np.random.seed(state)
        points.append(spec.find(Victim(model, seed), x[:6], y[:6], torch.arange(6)).points)
    assert torch.equal(points[0], points[1])
    assert not torch.equal(points[0], points[2])


def test_a_model_without_parameters(capfd: pytest.CaptureFixture) -> None:
    x, y = torch.tensor([[0.45], [0.2]]), torch.zeros(2, dtype=torch.int64)
    evaluation = evaluate(
        Function(lambda x: x[:, 0] - 0.5), x, y, [AttackSpec.of("torchattacks", "linf", 0.1, cls="PGD")]
    )
    assert evaluation.robust[0].survivors.tolist() == [False, True]
    assert capfd.readouterr().out == ""  # torchattacks prints that it found no device
