"""No point outside ball or box, no NaN, reaches a number."""

import json

import pytest
import torch
from torch import Tensor

from bregman_exp.robustness import ATTACKS, AttackSpec, Threat, evaluate, robust_accuracy
from bregman_exp.robustness.victim import Victim

from .reference import Function, named, tiny_conv, tiny_mlp

NAN, INF = float("nan"), float("inf")
OURS = [("fgsm", "linf"), ("pgd", "linf"), ("fgm", "l2"), ("pgd", "l2")]


@pytest.mark.parametrize("kind", ["points", "images"])
@pytest.mark.parametrize("eps", [1e-3, 0.0314, 0.5])
@pytest.mark.parametrize(("attack", "norm"), OURS)
def test_every_point_lies_in_ball_and_box(attack: str, norm: str, eps: float, kind: str) -> None:
    model, shape = (tiny_mlp(), (30, 2)) if kind == "points" else (tiny_conv().eval(), (30, 3, 6, 6))
    x = (torch.rand(shape) * 1.4 - 0.2).clamp(0, 1)
    y = model(x).argmax(1)
    spec = AttackSpec.of(attack, norm, eps, **({"steps": 10} if attack == "pgd" else {}))
    points = spec.find(Victim(model, 0), x, y, torch.arange(30)).points
    assert points.shape == x.shape
    assert (points >= 0).all()
    assert (points <= 1).all()
    change = (points.double() - x.double()).flatten(1)
    size = change.abs().amax(1) if norm == "linf" else change.norm(dim=1)
    assert (size <= eps + 1e-6).all()
    assert size.max() > 0.9 * eps or eps == 0.5  # and the ball is used
    assert spec.threat.violation(points, x).max() <= 1e-6


@pytest.mark.parametrize(
    ("norm", "x", "point", "violation"),
    [
        ("linf", [0.5, 0.5], [0.5, 0.5], 0),
        ("linf", [0.5, 0.5], [0.6, 0.4], 0),
        ("linf", [0.5, 0.5], [0.65, 0.4], 0.05),
        ("l2", [0.5, 0.5], [0.56, 0.58], 0),
        ("l2", [0.5, 0.5], [0.6, 0.6], 0.1 * 2**0.5 - 0.1),
        ("l2", [0.5, 0.5], [0.2, 0.9], 0.4),
        ("linf", [0.95, 0.5], [1.03, 0.5], 0.03),
        ("l2", [0.5, 0.01], [0.5, -0.02], 0.02),
        ("linf", [0.5, 0.5], [NAN, 0.5], INF),
        ("l2", [0.5, 0.5], [NAN, 0.5], INF),
        ("linf", [0.5, 0.5], [0.5, -INF], INF),
        ("l2", [0.5, 0.5], [INF, 0.5], INF),
    ],
)
def test_the_violation_of_known_offenders(norm: str, x: list, point: list, violation: float) -> None:
    inside = torch.tensor([0.5, 0.5])
    found = Threat(norm, 0.1).violation(
        torch.stack([torch.tensor(point), inside]), torch.stack([torch.tensor(x), inside])
    )
    torch.testing.assert_close(found, torch.tensor([violation, 0], dtype=torch.float64), atol=1e-7, rtol=0)


def test_the_ball_of_an_image_is_that_of_its_pixels_together() -> None:
    x = torch.full((1, 3, 2, 2), 0.5)
    assert Threat("l2", 0.1).violation(x + 0.1, x).item() == pytest.approx(0.1 * 12**0.5 - 0.1)
    assert Threat("linf", 0.1).violation(x + 0.1, x).item() == pytest.approx(0, abs=1e-7)


def test_projection_goes_to_the_ball_and_then_to_the_box() -> None:
    x, moved = torch.tensor([[0.5, 0.95]]), torch.tensor([[0.8, 1.35]])
    torch.testing.assert_close(Threat("linf", 0.1).project(moved, x), torch.tensor([[0.6, 1.0]]))
    torch.testing.assert_close(Threat("l2", 0.1).project(moved, x), torch.tensor([[0.56, 1.0]]))


def broken(offence: str):
    """An attack that does this to its last sample."""

    def find(self, victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor:
        last = {"ball": x[-1:] + 2 * threat.eps, "box": x[-1:] + 1, "nan": x[-1:] * NAN}[offence]
        return torch.cat([x[:-1], last])

    return find


@pytest.mark.parametrize(("offence", "value"), [("ball", 0.05), ("box", 0.95), ("nan", INF)])
@pytest.mark.parametrize("batch_size", [7, 250])
def test_an_attack_that_leaves_the_ball_has_no_number(
    offence: str, value: float, batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_mlp()
    x = 0.2 + 0.6 * torch.rand(30, 2)
    y = model(x).argmax(1)
    specs = [
        AttackSpec.of("pgd", "linf", 0.05, steps=20),
        AttackSpec.of("fgsm", "linf", 0.05),
        AttackSpec.of("fgm", "l2", 0.05),
    ]
    healthy = evaluate(model, x, y, specs, batch_size=batch_size)
    monkeypatch.setattr(ATTACKS["fgsm"], "find", broken(offence))
    evaluation = evaluate(model, x, y, specs, batch_size=batch_size)

    facts = evaluation.to_json()
    assert [entry["verdict"] for entry in facts["robust"]] == ["unchecked", "unreliable", "unchecked"]
    figures = facts["robust"][1]
    assert [figures[key] for key in ("accuracy", "correct", "ci95", "n")] == [None, None, None, 30]
    assert evaluation.robust[1].survivors is None
    check = named(evaluation.checks, "points-in-threat")[1]
    assert check.applies_to == ("fgsm-linf-0.05",)
    assert (check.status, check.limit) == ("failed", 1e-6)
    assert check.value == pytest.approx(value, abs=1e-6)
    json.dumps(facts, allow_nan=False)  # JSON has no infinity
    assert list(evaluation.arrays(torch.arange(30), y)) == [
        "id",
        "label",
        "prediction",
        "pgd-linf-0.05",
        "fgm-l2-0.05",
    ]
    for other in (0, 2):
        assert evaluation.checks[other].status == "passed"
        assert torch.equal(evaluation.robust[other].survivors, healthy.robust[other].survivors)

    report = robust_accuracy(model, x, y, "fgsm", "linf", 0.05)
    assert (report.accuracy, report.correct, report.ci95, report.survivors) == (None,) * 4
    assert (report.n, report.verdict) == (30, "unreliable")


def test_logits_that_are_not_finite_at_clean_points_are_an_error() -> None:
    x, y = torch.tensor([[0.5], [0.6]]), torch.zeros(2, dtype=torch.int64)
    for bad in (NAN, INF, -INF):
        model = Function(lambda x, bad=bad: torch.where(x[:, 0] > 0.55, bad, x[:, 0] - 9))
        with pytest.raises(ValueError, match="logits that are not finite"):
            evaluate(model, x, y, [])


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize(("attack", "norm"), OURS)
def test_logits_that_are_not_finite_at_adversarial_points_are_wrong(
    attack: str, norm: str, bad: float, label: int
) -> None:
    """The attack on 0.5 runs into logits that are not finite; the one on the other sample cannot."""
    if label == 0:
        model = Function(lambda x: torch.where(x[:, 0] > 0.55, bad, x[:, 0] - 9))
        x = torch.tensor([[0.5], [0.2]])
    else:
        model = Function(lambda x: torch.where(x[:, 0] < 0.45, bad, x[:, 0] + 9))
        x = torch.tensor([[0.5], [0.8]])
    y = torch.full((2,), label)
    report = robust_accuracy(model, x, y, attack, norm, 0.1)
    assert report.survivors.tolist() == [False, True]
    assert report.checks[0].status == "passed"


@pytest.mark.parametrize(("attack", "norm"), OURS)
def test_a_gradient_that_is_nan_is_no_robustness(attack: str, norm: str) -> None:
    model = Function(lambda x: (x[:, 0] - 0.5).square().sqrt() - 0.01)  # NaN gradient at 0.5, wrong beside it
    x, y = torch.full((3, 1), 0.5), torch.zeros(3, dtype=torch.int64)
    settings = {"random_start": False} if attack == "pgd" else {}
    report = robust_accuracy(model, x, y, attack, norm, 0.1, **settings)
    assert (report.accuracy, report.verdict) == (None, "unreliable")
