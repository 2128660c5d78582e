"""Healthy models pass every check; each planted failure is caught by the check that is named for it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import bregman_exp as bx
from bregman_exp.robustness import AttackSpec, Evaluation, Robustness, evaluate
from bregman_exp.robustness.checks import CHECKS
from bregman_exp.robustness.checks.entries import eps_checks, order_checks, own_checks

from .reference import Function, Linear, linear_task, named, tiny_mlp

pytestmark = pytest.mark.usefixtures("few_queries")

ONLY_IF_OFFERED = {"straight-through", "dual-form", "transfer"}
NOT_ALWAYS = {"exact-undecided", "fresh-copy"}  # of a proof alone; where a copy is missing


class Around(nn.Module):
    """A model behind a change of its input, before a change of its logits."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def before(self, x: Tensor) -> Tensor:
        return x

    def after(self, z: Tensor) -> Tensor:
        return z

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.model(self.before(x)))


class Loud(Around):
    def after(self, z: Tensor) -> Tensor:
        return 1000 * z


class Rounding(Around):
    def before(self, x: Tensor) -> Tensor:
        return (x * 64).round() / 64


class Noisy(Around):
    def before(self, x: Tensor) -> Tensor:
        return x + 0.01 * torch.randn_like(x)


class Crowded(Around):
    """A sample is seen in relation to the others of its batch."""

    def before(self, x: Tensor) -> Tensor:
        return x - 0.1 * x.mean(0, keepdim=True)


class Softmax(Around):
    def after(self, z: Tensor) -> Tensor:
        return z.softmax(dim=1)


class Restless(Around):
    """Puts itself into training mode."""

    def forward(self, x: Tensor) -> Tensor:
        self.model.train()
        return self.model(x)


class Swallowing(Around):
    """The difference of the logits is lost where float32 has no digits for it, not in float64."""

    def after(self, z: Tensor) -> Tensor:
        return (z + 3e7) - 3e7


ALL = ("gaussian_noise", "fgsm", "pgd", "suite")


def audited(
    model: nn.Module, x: Tensor, y: Tensor, eps: float = 0.02, attacks: Sequence[str] = ALL, **settings
) -> Evaluation:
    return evaluate(model, x, y, [AttackSpec.of(a, "linf", eps) for a in attacks], audit=True, **settings)


def pgd_and_a_small_suite() -> list[AttackSpec]:
    """The smallest suite there is: the default one has no other checks."""
    members = [{"attack": "fgsm"}, {"attack": "random_search"}]
    return [AttackSpec.of("pgd", "linf", 0.02), AttackSpec.of("suite", "linf", 0.02, members=members)]


def failed(evaluation: Evaluation, entry: str = "") -> set[str]:
    return {
        check.name
        for check in evaluation.checks
        if check.status == "failed" and (not entry or any(entry in id_ for id_ in check.applies_to))
    }


def verdicts(evaluation: Evaluation) -> dict[str, str]:
    return {entry.spec.attack.name: entry.verdict for entry in evaluation.robust}


def task(classes: int = 3, n: int = 60) -> tuple[nn.Module, Tensor, Tensor]:
    """A smooth classifier of 8 coordinates, most of its samples right."""
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, classes))
    with torch.no_grad():
        model[2].weight.mul_(6)
        x = torch.rand(n, 8)
        y = model(x).argmax(1)
    y[::20] = (y[::20] + 1) % classes
    return model, x, y


@pytest.mark.parametrize(("norm", "shape"), [("linf", (3, 4, 4)), ("l2", (2,))])
def test_a_healthy_model_passes_all(norm: str, shape: tuple[int, ...]) -> None:
    made = linear_task(shape, 0.2, 0.8, n=20)
    attacks = ["uniform_noise", {"linf": "fgsm", "l2": "fgm"}[norm], "pgd", "suite"]
    specs = [AttackSpec.of(attack, norm, 0.02) for attack in attacks]
    evaluation = evaluate(made.model, made.points, made.y, specs, audit=True)
    assert failed(evaluation) == set()
    there = {check.name for check in evaluation.checks}
    assert there == set(CHECKS) - NOT_ALWAYS
    skipped = {check.name for check in evaluation.checks if check.status == "skipped"}
    assert skipped == ONLY_IF_OFFERED
    assert list(verdicts(evaluation).values()) == ["unchecked", "unchecked", "reliable", "reliable"]
    assert evaluation.to_json()["probes"]


def test_a_healthy_network_passes_all() -> None:
    model, x, y = task()
    evaluation = audited(model, x, y)
    assert failed(evaluation) == set()
    assert verdicts(evaluation) == {
        "gaussian_noise": "unchecked",
        "fgsm": "unchecked",
        "pgd": "reliable",
        "suite": "reliable",
    }


def test_without_the_audit_nothing_is_reliable_and_only_the_cheap_checks_are_there() -> None:
    model, x, y = task()
    evaluation = evaluate(model, x, y, pgd_and_a_small_suite())
    assert failed(evaluation) == set()
    assert set(verdicts(evaluation).values()) == {"unchecked"}
    cheap = set(CHECKS[: CHECKS.index("order") + 1]) - NOT_ALWAYS
    assert {check.name for check in evaluation.checks} == cheap
    assert evaluation.probes == []


@pytest.mark.parametrize(
    ("plant", "caught"),
    [
        (Loud, "zero-gradient-ce"),
        (Rounding, "zero-gradient-margin"),
        (Noisy, "determinism"),
        (Softmax, "logits-not-probabilities"),
        (Restless, "eval-mode"),
        (Crowded, "batch-independence"),
    ],
)
@pytest.mark.parametrize("audit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_planted_failures_are_caught(plant: type[Around], caught: str, audit: bool) -> None:
    model, x, y = task()
    evaluation = evaluate(plant(model), x, y, pgd_and_a_small_suite(), audit=audit)
    assert caught in failed(evaluation, "pgd")
    assert caught in failed(evaluation, "suite")
    assert set(verdicts(evaluation).values()) == {"unreliable"}
    assert {entry["verdict"] for entry in evaluation.to_json()["robust"]} == {"unreliable"}


def test_rounding_that_float64_does_not_have() -> None:
    model, x, y = task()
    evaluation = audited(Swallowing(model), x, y, eps=0.05, attacks=["pgd"])
    (check,) = named(evaluation.checks, "float64")
    assert check.status == "failed"
    assert verdicts(evaluation)["pgd"] == "unreliable"


class OnlyFloat32(Around):
    def before(self, x: Tensor) -> Tensor:
        return x @ torch.eye(x.shape[1])


def test_a_model_that_has_no_float64_is_audited_all_the_same() -> None:
    model, x, y = task()
    evaluation = audited(OnlyFloat32(model), x, y, attacks=["pgd"])
    assert [check.status for check in named(evaluation.checks, "float64")] == ["skipped"]
    assert verdicts(evaluation)["pgd"] == "reliable"


class Masked(Rounding):
    """Its input is rounded; its surrogates are not."""

    def surrogates(self) -> dict[str, nn.Module]:
        return {"straight-through": self.model, "dual-form": self.model}


@pytest.mark.usefixtures("small_default_suite")
def test_a_hidden_gradient_is_seen_from_many_sides() -> None:
    model, x, y = task()
    evaluation = audited(Masked(model), x, y, eps=0.05, attacks=["pgd", "suite"], source=model)
    seen = {"zero-gradient-ce", "zero-gradient-margin", "transfer", "gradient-free"}
    assert seen <= failed(evaluation, "pgd")
    for name in ("straight-through", "dual-form"):
        (of_pgd, of_suite) = named(evaluation.checks, name)
        assert of_pgd.status == "failed"
        assert of_suite.value <= of_pgd.value


def test_surrogates_are_attacked_through() -> None:
    model, x, y = task()
    direct = evaluate(model, x, y, [AttackSpec.of("pgd", "linf", 0.05)]).robust[0].result
    through = AttackSpec.of("pgd", "linf", 0.05, through="straight-through")
    around = evaluate(Masked(model), x, y, [through])
    assert around.robust[0].result.accuracy < direct.accuracy + 0.05
    assert failed(around) == set()  # the gradient that is looked at is the one that is followed
    with pytest.raises(ValueError, match="the model has no such surrogate; it has none"):
        evaluate(model, x, y, [through])


@pytest.mark.slow
@pytest.mark.parametrize("act", ["tanh", "sigmoid"])
def test_bregman_networks_are_attacked_through_their_clamps(act: str) -> None:
    net = bx.mlp([2, 2], act=act, version="bregman", in_features=2, num_classes=2)
    x = torch.rand(60, 2)
    with torch.no_grad():
        y = net.eval()(x).argmax(1)
    evaluation = audited(net, x, y)
    assert {check.status for check in named(evaluation.checks, "straight-through")} == {"passed"}
    assert {check.status for check in named(evaluation.checks, "dual-form")} == {"skipped"}


@pytest.mark.slow
def test_the_transfer_of_an_equal_model_is_no_stronger() -> None:
    model, x, y = task()
    evaluation = audited(model, x, y, source=model)
    assert {check.status for check in named(evaluation.checks, "transfer")} == {"passed"}
    assert verdicts(evaluation)["suite"] == "reliable"


@pytest.mark.parametrize("shape", [(2,), (3, 4, 4)])
def test_a_constant_classifier_is_degenerate(shape: tuple[int, ...]) -> None:
    x, y = torch.rand(10, *shape), torch.arange(10) % 2
    evaluation = audited(Constant(), x, y, attacks=["fgsm", "pgd"])
    assert set(verdicts(evaluation).values()) == {"degenerate"}
    assert all(entry.result.accuracy == 0.5 for entry in evaluation.robust)


def test_a_classifier_that_was_broken_is_not_constant() -> None:
    x, y = torch.full((20, 8), 0.11), torch.zeros(20, dtype=torch.int64)
    model = Function(lambda x: 0.1 - x.mean(1))  # 1 below a mean of 0.1: not noise, not the corners
    evaluation = evaluate(model, x, y, [AttackSpec.of("pgd", "linf", 0.05)])
    assert evaluation.robust[0].result.accuracy == 0
    assert verdicts(evaluation) == {"pgd": "unchecked"}


def test_a_classifier_that_changes_in_a_corner_alone_is_not_degenerate() -> None:
    x, y = 0.5 * torch.rand(40, 2), torch.zeros(40, dtype=torch.int64)
    model = Function(lambda x: x.sum(1) - 1.99)
    evaluation = evaluate(model, x, y, [AttackSpec.of("pgd", "linf", 0.01)])
    assert verdicts(evaluation) == {"pgd": "unchecked"}


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1).sum(1)
        return torch.stack([1 + 0 * flat, 0 * flat], dim=1)


def entry(attack: str, right: int, n: int = 1000, eps: float = 0.1, **more) -> Robustness:
    spec = AttackSpec.of(attack, "linf", eps, **{k: more.pop(k) for k in ("steps", "restarts") if k in more})
    return Robustness(spec.id, spec, n, torch.arange(n) < right, 0.0, **more)


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        (("uniform_noise", {}), ("fgsm", {})),
        (("fgsm", {}), ("pgd", {})),
        (("pgd", {}), ("pgd", {"restarts": 5})),
        (("pgd", {"restarts": 5}), ("suite", {})),
        (("suite", {}), ("exact", {})),
        (("gaussian_noise", {}), ("autoattack", {})),
    ],
)
def test_the_order_of_attacks(weaker: tuple[str, dict], stronger: tuple[str, dict]) -> None:
    for excess, status in ((5, "passed"), (6, "failed"), (-50, "passed")):
        weak, strong = entry(weaker[0], 500, **weaker[1]), entry(stronger[0], 500 + excess, **stronger[1])
        for both in ([weak, strong], [strong, weak]):
            (check,) = order_checks(both)
            assert (check.status, check.value) == (status, pytest.approx(excess / 1000))
            assert check.applies_to == (strong.id,)
    assert order_checks([entry("fgsm", 400), entry("pgd", 500, eps=0.2)]) == []


def test_only_the_attack_that_finds_too_little_is_out_of_order() -> None:
    found = [entry("fgsm", 500), entry("pgd", 600), entry("suite", 400), entry("exact", 400)]
    assert [(check.applies_to[0], check.status) for check in order_checks(found)] == [
        ("pgd-linf-0.1", "failed"),
        ("suite-linf-0.1", "passed"),
        ("exact-linf-0.1", "passed"),
    ]


def test_a_larger_eps_leaves_no_more() -> None:
    sizes = [entry("pgd", right, eps=eps) for right, eps in ((500, 0.1), (300, 0.3), (400, 0.2))]
    assert [check.status for check in eps_checks(sizes)] == ["passed", "passed"]
    slowly = [entry("pgd", 304, eps=0.5), entry("pgd", 306, eps=0.6), entry("fgsm", 900, eps=0.6)]
    checks = eps_checks([*sizes, *slowly])
    assert [check.status for check in checks] == ["passed", "passed", "passed", "failed"]
    assert (checks[-1].applies_to, checks[-1].value) == (("pgd-linf-0.6",), pytest.approx(0.006))


def test_one_sample_is_always_allowed() -> None:
    (check,) = order_checks([entry("fgsm", 10, n=20), entry("pgd", 11, n=20)])
    assert (check.status, check.value, check.limit) == ("passed", 0.05, 0.05)
    (check,) = order_checks([entry("fgsm", 10, n=20), entry("pgd", 12, n=20)])
    assert check.status == "failed"


def test_a_loss_that_still_rises() -> None:
    for late, status in ((10, "passed"), (11, "failed")):
        checks = own_checks(entry("pgd", 500, late=torch.arange(1000) < late))
        (check,) = named(checks, "loss-still-rising")
        assert (check.status, check.value, check.limit) == (status, late / 1000, 0.01)
    model = Linear(torch.tensor([[0.0], [1.0]]), torch.tensor([0.0, -5.0]))
    x, y = torch.full((4, 1), 0.5), torch.zeros(4, dtype=torch.int64)
    for rel_step, rises in ((0.01, True), (0.25, False)):
        spec = AttackSpec.of("pgd", "linf", 0.1, rel_step=rel_step, random_start=False)
        (found,) = evaluate(model, x, y, [spec]).robust
        assert found.late.tolist() == [rises] * 4


def test_more_steps_find_what_pgd_does_not() -> None:
    def hills(x: Tensor) -> Tensor:  # the nearest one stays right, the next is wrong
        return torch.sin(60 * x[:, 1]) - 0.9 + 2 * (x[:, 1] - 0.5)

    x, y = torch.full((300, 2), 0.5), torch.zeros(300, dtype=torch.int64)
    x[:, 1] += 0.05 * torch.rand(300)
    y[hills(x) > 0] = 1
    spec = AttackSpec.of("pgd", "linf", 0.1, steps=2, rel_step=0.02)
    evaluation = evaluate(Function(hills), x, y, [spec], audit=True)
    (check,) = named(evaluation.checks, "more-steps")
    assert check.status == "failed"
    assert named(evaluation.checks, "gradient-free")[0].status == "failed"
    assert verdicts(evaluation) == {"pgd": "unreliable"}


def test_every_check_has_its_section_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "checks.md").read_text()
    headings = [line.removeprefix("### ") for line in page.splitlines() if line.startswith("### ")]
    assert headings == list(CHECKS)
    for section in page.split("### ")[1:]:
        assert "**Failure:**" in section
        assert "**Do:**" in section


@pytest.mark.slow
def test_tiny_models_are_audited_too() -> None:
    model = tiny_mlp(2, 3)
    x = torch.rand(3, 2)
    with torch.no_grad():
        y = model(x).argmax(1)
    assert {check.name for check in audited(model, x, y).checks} == set(CHECKS) - NOT_ALWAYS
    none_right = audited(model, x, (y + 1) % 3)
    assert [entry.result.accuracy for entry in none_right.robust] == [0, 0, 0, 0]
    assert {check.status for check in named(none_right.checks, "zero-gradient-margin")} == {"skipped"}
    assert failed(none_right) == set()
