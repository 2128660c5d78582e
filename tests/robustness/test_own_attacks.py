"""An attack of one's own: a function in robust_accuracy, and a class that is one file and one line."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import bregman_exp as bx
from bregman_exp import build
from bregman_exp.config import Attack as Suite
from bregman_exp.robustness import (
    ATTACKS,
    Attack,
    AttackSpec,
    Norm,
    Threat,
    Verdict,
    attack_usage,
    evaluate,
)
from bregman_exp.robustness.attack import one_of, whole

from .reference import labelled, tiny_mlp


def task(n: int = 40) -> tuple[nn.Module, Tensor, Tensor]:
    model = tiny_mlp().requires_grad_(False)
    return model, *labelled(model, n, 2)


def one_step(net: nn.Module, x: Tensor, y: Tensor, threat: Threat) -> Tensor:
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(net(x), y, reduction="sum"), x)
    return threat.project(x + threat.eps * threat.ascent(gradient), x.detach())


@pytest.mark.parametrize(("norm", "attack"), [("linf", "fgsm"), ("l2", "fgm")])
def test_a_function_is_an_attack(norm: str, attack: str) -> None:
    model, x, y = task()
    before = x.clone()
    own = bx.robust_accuracy(model, x, y, one_step, norm, 0.05, batch_size=7)
    theirs = bx.robust_accuracy(model, x, y, attack, norm, 0.05, loss="ce-plain")
    assert 0 < own.correct < 40
    assert torch.equal(own.survivors, theirs.survivors)
    assert (own.verdict, own.ci95) == ("unchecked", theirs.ci95)
    assert torch.equal(x, before)


def test_its_settings_go_to_it_and_its_name_to_the_id() -> None:
    model, x, y = task()

    def shifted(net: nn.Module, x: Tensor, y: Tensor, threat: Threat, *, by: float = 0.0) -> Tensor:
        return threat.project(x + by, x)

    spec = AttackSpec.of(shifted, "linf", 0.1, by=0.03)
    assert spec.id == "function-shifted-linf-0.1"
    evaluation = evaluate(model, x, y, [spec], keep_points=True)
    (entry,) = evaluation.robust
    torch.testing.assert_close(entry.points, (x + 0.03).clamp(max=1))
    content = json.loads(json.dumps(evaluation.to_json()["robust"][0]))
    assert (content["attack"], content["function"], content["parameters"]) == (
        "function",
        "shifted",
        {"by": 0.03},
    )
    assert AttackSpec.of(lambda *_: x, "l2", 0.1).id == "function-lambda-l2-0.1"


def test_its_random_numbers_follow_from_the_seed() -> None:
    model, x, y = task()

    def drawn(net: nn.Module, x: Tensor, y: Tensor, threat: Threat) -> Tensor:
        from_numpy = torch.from_numpy(np.random.rand(*x.shape)).to(x)
        return threat.project(x + threat.eps * (torch.rand_like(x) - from_numpy), x)

    def points(seed: int) -> Tensor | None:
        torch.rand(seed + 3)
        return (
            evaluate(model, x, y, [AttackSpec.of(drawn, "linf", 0.1)], seed=seed, keep_points=True)
            .robust[0]
            .points
        )

    assert torch.equal(points(0), points(0))
    assert not torch.equal(points(0), points(1))


def test_it_cannot_move_the_samples_that_it_is_verified_against() -> None:
    model, x, y = task()
    report = bx.robust_accuracy(model, x, y, lambda net, x, y, threat: x.add_(0.3).clamp_(0, 1), eps=0.1)
    assert (report.accuracy, report.verdict) == (None, "unreliable")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda x: x[:, :1], r"returns \(40, 1\)"),
        (lambda x: x.numpy(), "returns ndarray"),
        (lambda x: None, "NoneType"),
    ],
)
def test_what_is_not_like_the_samples_is_told(given, said: str) -> None:
    model, x, y = task()
    with pytest.raises(ValueError, match=rf"function-lambda .*{said}; it must return points \(40, 2\)"):
        bx.robust_accuracy(model, x, y, lambda net, x, y, threat: given(x))


@dataclass(frozen=True)
class Corner(Attack):
    """All samples go towards one corner of the box."""

    name, norms = "corner", (Norm.LINF,)

    tries: int = whole(2)
    corner: str = one_of(("lower", "upper"), "upper")

    @property
    def variant(self) -> tuple[str | None, ...]:
        return (None if self.corner == "upper" else self.corner,)

    def find(self, victim, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> Tensor:
        return threat.project(x + (1 if self.corner == "upper" else -1), x)


@pytest.fixture
def _listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ATTACKS, Corner.name, Corner)


@pytest.mark.usefixtures("_listed")
def test_a_listed_class_is_an_entry_with_everything_from_its_fields() -> None:
    model, x, y = task()
    entry = {"attack": "corner", "norm": "linf", "eps": [0.1, 0.2], "corner": "lower", "tries": 2}
    specs = build.attack_specs(Suite("own", attacks=[entry]))
    assert [spec.id for spec in specs] == ["corner-lower-linf-0.1", "corner-lower-linf-0.2"]
    assert specs[0].changed() == {"attack": "corner", "norm": "linf", "eps": 0.1, "corner": "lower"}
    assert specs[0].to_json() == {
        **{"attack": "corner", "norm": "linf", "eps": 0.1, "steps": None, "restarts": None, "loss": None},
        **{"tries": 2, "corner": "lower"},
    }
    assert "{attack: corner, norm: linf, eps: …, tries: 2, corner: upper}" in attack_usage().splitlines()
    (first, _) = evaluate(model, x, y, specs, keep_points=True).robust
    torch.testing.assert_close(first.points, (x - 0.1).clamp(min=0))
    member = AttackSpec.of("suite", "linf", 0.1, members=[{"attack": "corner"}, {"attack": "fgsm"}])
    assert list(evaluate(model, x, y, [member]).robust[0].counts["shares"]) == ["corner", "fgsm"]


@pytest.mark.usefixtures("_listed")
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"tries": 0}, "tries=0: it must be a whole number ≥ 1"),
        ({"corner": "left"}, "corner='left' is unknown; use one of lower, upper"),
        ({"steps": 3}, "attack=corner has no setting steps; it has tries, corner"),
        ({"norm": "l2"}, "attack=corner cannot do norm=l2; it does linf"),
    ],
)
def test_what_its_fields_do_not_allow_is_refused(settings: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=rf"^{sentence}\.$"):
        AttackSpec.of(**{"attack": "corner", "norm": "linf", "eps": 0.1} | settings)


def test_an_attack_itself_is_taken_too() -> None:
    model, x, y = task()
    by_name = bx.robust_accuracy(model, x, y, "pgd", eps=0.05, steps=4)
    itself = bx.robust_accuracy(model, x, y, ATTACKS["pgd"](steps=4), eps=0.05)
    assert torch.equal(itself.survivors, by_name.survivors)
    assert AttackSpec.of(ATTACKS["pgd"](steps=4), "l2", 0.1, loss="margin").changed() == {
        **{"attack": "pgd", "norm": "l2", "eps": 0.1},
        **{"steps": 4, "loss": "margin"},
    }
    with pytest.raises(ValueError, match="attack=pgd has no setting stepz"):
        AttackSpec.of(ATTACKS["pgd"](steps=4), "l2", 0.1, stepz=3)


def test_norms_and_verdicts_are_words_in_json() -> None:
    assert json.dumps([*Norm, *Verdict]) == json.dumps(
        ["linf", "l2", "unchecked", "reliable", "unreliable", "degenerate"]
    )
    assert AttackSpec.of("pgd", "l2", 0.1).norm is Norm.L2
    model, x, y = task(10)
    assert bx.robust_accuracy(model, x, y, "fgsm").verdict is Verdict.UNCHECKED
