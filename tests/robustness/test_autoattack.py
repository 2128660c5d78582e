"""AutoAttack: the authors' program behind the same verification."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pyautoattack import AutoAttack
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from torch import Tensor, nn

from bregman_exp.robustness import ATTACKS, AttackSpec, Robustness, Threat, evaluate
from bregman_exp.robustness.attacks.autoattack_members import Members
from bregman_exp.robustness.attacks.random_search import random_search
from bregman_exp.robustness.victim import Victim

from .reference import Function, Linear, labelled, tiny_conv, tiny_mlp
from .test_isolation import lived_in, trace_of
from .test_worst_case import DUAL

NORMS = ["linf", "l2"]
BOTH = ["autoattack", "autoattack_rapid"]
THEIR_NORM = {"linf": "Linf", "l2": "L2"}


QUERIES, STEPS, TARGETS = 40, 10, 3


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer queries, steps and targets than the authors'; the test that holds them equal undoes this."""
    monkeypatch.setattr("bregman_exp.robustness.attacks.autoattack_members.QUERIES", QUERIES)
    for name in ("autoattack", "autoattack-lt4"):
        monkeypatch.setattr(ATTACKS[name], "steps", STEPS)
        monkeypatch.setattr(ATTACKS[name], "targets", TARGETS)


def attacked(model: nn.Module, x: Tensor, y: Tensor, attack: str, norm: str, eps: float, **of_harness: Any):
    """The entry of the one attack, verified."""
    evaluation = evaluate(model, x, y, [AttackSpec.of(attack, norm, eps)], **of_harness)
    assert [c.status for c in evaluation.checks if c.name == "points-in-threat"] == ["passed"]
    (entry,) = evaluation.robust
    if entry.counts:
        assert sum(entry.counts["shares"].values()) == evaluation.clean.correct - entry.result.correct
    return entry


def conv(classes: int, gain: float = 6.0) -> nn.Module:
    """Random weights, images (3, 8, 8)."""
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 36, classes))
    with torch.no_grad():
        net[0].weight.mul_(gain)
        net[3].bias.zero_()
    return net.eval()


# where the worst case is known


@pytest.mark.parametrize(
    ("norm", "shape", "classes"),
    [("linf", (6,), 2), ("linf", (2, 6, 6), 4), ("l2", (6,), 4), ("l2", (2, 6, 6), 2)],
)
@pytest.mark.parametrize("attack", BOTH)
def test_a_linear_classifier(attack: str, norm: str, shape: tuple[int, ...], classes: int) -> None:
    weight = torch.randn(classes, torch.Size(shape).numel())
    model = Linear(weight, -weight.sum(1) / 2)
    x = 0.3 + 0.4 * torch.rand(60, *shape)
    y = model(x).argmax(1)
    y[::10] = (y[::10] + 1) % classes
    lead = (model(x)[range(60), y][:, None] - model(x)).double()  # (60, classes)
    change = (weight[y][:, None] - weight).norm(p=DUAL[norm], dim=2)
    other = torch.arange(classes) != y[:, None]
    distance = (lead / change).where(other, torch.inf).amin(1).detach()  # below 0 where it is wrong
    eps = float(distance[distance > 0].median())
    clear = (distance - eps).abs() > 1e-3 * eps
    assert clear.sum() > 55
    survivors = attacked(model, x, y, attack, norm, eps).survivors
    assert torch.equal(survivors[clear], (distance > eps)[clear])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("norm", NORMS)
def test_with_few_classes_it_is_not_weaker_than_pgd(norm: str, classes: int) -> None:
    for model, shape in ((tiny_mlp(classes=classes), (2,)), (conv(classes), (3, 8, 8))):
        x, y = labelled(model, 40, *shape)
        eps = {(2,): 0.05, (3, 8, 8): {"linf": 0.1, "l2": 0.9}[norm]}[shape]
        ours = attacked(model, x, y, "autoattack", norm, eps)
        pgd = attacked(model, x, y, "pgd", norm, eps)
        assert 0 < pgd.result.correct < 40
        assert ours.result.correct <= pgd.result.correct + 1
        assert ours.spec.attack.name == "autoattack-lt4"


# that it is the authors' program


def authors(model: nn.Module, norm: str, eps: float, seed: int) -> AutoAttack:
    """Their program, as short as our suites here."""
    made = AutoAttack(model, norm=THEIR_NORM[norm], eps=eps, seed=seed)
    shared = {"n_iter": STEPS, "norm": THEIR_NORM[norm], "eps": eps, "logger": made.logger}
    made.apgd = APGDAttack(model, **shared)
    made.apgd_targeted = APGDAttack_targeted(model, n_target_classes=TARGETS, **shared)
    made.fab.n_iter, made.fab.n_target_classes = STEPS, TARGETS
    made.square.n_queries = QUERIES
    return made


@pytest.mark.parametrize(("norm", "eps", "classes"), [("linf", 0.006, 5), ("l2", 0.05, 10)])
def test_it_agrees_with_the_authors_program(norm: str, eps: float, classes: int) -> None:
    """Point by point, not only in what is broken."""
    model = conv(classes)
    x, y = labelled(model, 20, 3, 8, 8)
    y[::10] = (y[::10] + 1) % classes
    points, predictions = authors(model, norm, eps, seed=3).run_standard_evaluation(x, y)
    survivors = predictions == y
    assert 0 < survivors.sum() < 18
    assert torch.equal(attacked(model, x, y, "autoattack", norm, eps, seed=3).survivors, survivors)
    clean = model(x).argmax(1) == y
    spec = AttackSpec.of("autoattack", norm, eps)
    assert torch.equal(
        spec.find(Victim(model, 3), x[clean], y[clean], torch.arange(18)).points, points[clean]
    )


@pytest.mark.parametrize("norm", NORMS)
def test_its_settings_are_the_authors(norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    program = AutoAttack(nn.Identity(), norm=THEIR_NORM[norm], eps=0.1, seed=3)
    program.fab.targeted = True  # as its run sets it
    cpu = torch.device("cpu")
    made = Members(program.model, Threat(norm, 0.1), 3, torch.Generator(), cpu, 10, 32, steps=100, targets=9)
    pairs = {
        "apgd-ce": program.apgd,
        "apgd-t": program.apgd_targeted,
        "fab-t": program.fab,
        "square": program.square,
    }
    for name, attack in pairs.items():
        ours = vars(made.named(name)[1].__self__)
        differ = {key for key, value in vars(attack).items() if ours[key] != value}
        assert differ - {"device", "logger"} == set()


def test_the_authors_order_and_the_shares() -> None:
    model = conv(10)
    x, y = labelled(model, 24, 3, 8, 8)
    shares = attacked(model, x, y, "autoattack", "linf", 0.006, batch_size=16).counts["shares"]
    assert list(shares) == ["apgd-ce", "apgd-t", "fab-t", "square"]
    assert shares["apgd-ce"] > 0
    alone = attacked(model, x, y, "autoattack_rapid", "linf", 0.006).counts["shares"]
    assert list(alone) == ["apgd-ce", "apgd-t"]


def test_later_members_see_only_what_is_left() -> None:
    sizes = []
    model = conv(10)
    x, y = labelled(model, 40, 3, 8, 8)
    model.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    entry = attacked(model, x, y, "autoattack", "linf", 0.006)
    assert 0 < entry.result.correct < 40 - entry.counts["shares"]["apgd-ce"] + 1
    assert sizes[-20] == entry.result.correct  # the last queries of Square


# what metrics.json says


def test_the_entry_of_metrics_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    model = conv(10)
    x, y = labelled(model, 2, 3, 8, 8)
    facts = attacked(model, x, y, "autoattack", "l2", 0.5).to_json()
    keys = ("id", "attack", "norm", "eps", "steps", "restarts", "loss", "package")
    expected = ["autoattack-l2-0.5", "autoattack", "l2", 0.5, 100, 1, None, "pyautoattack 0.2.0"]
    assert [facts[key] for key in keys] == expected
    assert set(facts["shares"]) == {"apgd-ce", "apgd-t", "fab-t", "square"}


@pytest.mark.parametrize(
    ("classes", "attack", "name", "steps", "members"),
    [
        (3, "autoattack", "autoattack-lt4", STEPS, ["apgd-ce", "apgd-margin", "fab", "square"]),
        (4, "autoattack", "autoattack", STEPS, ["apgd-ce", "apgd-t", "fab-t", "square"]),
        (3, "autoattack_rapid", "autoattack_rapid-lt4", 30, ["apgd-ce", "apgd-margin"]),
        (4, "autoattack_rapid", "autoattack_rapid", 30, ["apgd-ce", "apgd-t"]),
        (4, "autoattack-lt4", "autoattack-lt4", STEPS, ["apgd-ce", "apgd-margin", "fab", "square"]),
    ],
)
def test_its_name_says_which_suite_it_was(
    classes: int, attack: str, name: str, steps: int, members: list[str]
) -> None:
    model = tiny_mlp(classes=classes)
    x, y = labelled(model, 10, 2)
    entry = attacked(model, x, y, attack, "linf", 0.01)
    facts = entry.to_json()
    assert (facts["id"], facts["attack"], facts["steps"]) == (f"{name}-linf-0.01", name, steps)
    assert list(facts["shares"]) == members


@pytest.mark.parametrize(("classes", "targets"), [(4, 3), (9, 8), (10, 9), (100, 9)])
def test_there_are_nine_targets_or_all_the_others(classes: int, targets: int) -> None:
    threat, cpu = Threat("linf", 0.1), torch.device("cpu")
    made = Members(nn.Identity(), threat, 0, torch.Generator(), cpu, classes, 32, steps=100, targets=9)
    for name in ("apgd-t", "fab-t"):
        assert made.named(name)[1].__self__.n_target_classes == targets


def test_targets_need_four_classes() -> None:
    x, y = labelled(tiny_mlp(), 5, 2)
    for attack in BOTH:
        with pytest.raises(ValueError, match="need 4 classes, the model has 3"):
            AttackSpec.of(attack, "linf", 0.1).find(Victim(tiny_mlp(), 0), x, y, torch.arange(5))


# that it leaves no trace, and nothing leads it astray


@pytest.mark.parametrize("norm", NORMS)
def test_model_and_program_are_as_before_and_nothing_is_said(norm: str, capfd: pytest.CaptureFixture) -> None:
    for model, side, classes in ((lived_in(), 6, 3), (conv(10).train(), 8, 10)):
        x, y = torch.rand(30, 3, side, side), torch.arange(30) % classes
        before = trace_of(model)
        evaluation = evaluate(model, x, y, [AttackSpec.of(attack, norm, 0.05) for attack in BOTH])
        assert evaluation.clean.correct > 0
        assert trace_of(model) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("norm", "kind"), [("linf", "images"), ("l2", "images"), ("l2", "points")])
def test_its_points_follow_from_the_seed_alone(norm: str, kind: str) -> None:
    model, shape, classes = (conv(10), (3, 8, 8), 10) if kind == "images" else (tiny_mlp(), (2,), 3)
    x, y = labelled(model, 20, *shape)
    spec = AttackSpec.of("autoattack", norm, 0.05).for_classes(classes)
    points = []
    for state, seed in ((1, 0), (2, 0), (1, 1)):
        torch.manual_seed(state), np.random.seed(state), random.seed(state)
        points.append(spec.find(Victim(model, seed), x, y, torch.arange(20)).points)
    assert torch.equal(points[0], points[1])
    assert not torch.equal(points[0], points[2])


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_the_context_changes_nothing(around: Callable[[], Any]) -> None:
    model = conv(10)
    x, y = labelled(model, 20, 3, 8, 8)
    expected = attacked(model, x, y, "autoattack", "linf", 0.006)
    with around():
        found = attacked(model, x.clone(), y.clone(), "autoattack", "linf", 0.006)
    assert 0 < expected.result.correct < 20
    assert torch.equal(found.survivors, expected.survivors)
    assert found.counts == expected.counts


# models and inputs that are not the usual


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("attack", BOTH)
def test_eps_0_is_clean_accuracy(attack: str, norm: str) -> None:
    for model, shape in ((tiny_mlp(), (2,)), (conv(10), (3, 8, 8))):
        x = torch.rand(20, *shape)
        y = torch.arange(20) % 3
        entry = attacked(model, x, y, attack, norm, 0)
        assert torch.equal(entry.survivors, model(x).argmax(1) == y)


@pytest.mark.parametrize("shape", [(2,), (3, 8, 8)])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("level", [-1.0, 0.0])
def test_a_model_without_any_slope(level: float, norm: str, shape: tuple[int, ...]) -> None:
    """At level 0 both logits are equal everywhere, where Square takes a sample for broken."""
    model = Function(lambda x: 0 * x.flatten(1).sum(1) + level)
    model.forward = lambda x: torch.stack([0 * x.flatten(1)[:, 0], model.f(x)], dim=1)
    entry = attacked(model, torch.rand(6, *shape), torch.zeros(6, dtype=torch.int64), "autoattack", norm, 0.1)
    assert entry.survivors.all()


def test_a_model_that_hands_back_its_input_keeps_its_points() -> None:
    x = torch.rand(20, 5)
    entry = attacked(nn.Identity(), x, x.argmax(1), "autoattack", "linf", 0.1)  # Square writes into logits
    lead = x.topk(2, dim=1).values.diff(dim=1).neg().flatten()
    assert torch.equal(entry.survivors, lead > 0.2)


@pytest.mark.parametrize("norm", NORMS)
def test_a_float64_model(norm: str) -> None:
    model = conv(10)
    x, y = labelled(model, 20, 3, 8, 8)
    single: Robustness = attacked(model, x, y, "autoattack", norm, 0.02)
    double = attacked(model.double(), x.double(), y, "autoattack", norm, 0.02)
    assert abs(double.result.correct - single.result.correct) <= 1


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("norm", NORMS)
def test_few_samples(norm: str, n: int) -> None:
    model = tiny_conv().eval()
    x, y = labelled(model, n, 3, 6, 6)
    assert attacked(model, x, y, "autoattack", norm, 1).survivors.sum() == 0
    attacked(model, x, y, "autoattack", norm, 1e-3)


# the search in the place of Square


def test_in_l2_points_are_searched_at_random_in_the_place_of_square() -> None:
    model = tiny_mlp()
    x, y = labelled(model, 10, 2)
    shares = attacked(model, x, y, "autoattack", "l2", 0.01).counts["shares"]
    assert list(shares) == ["apgd-ce", "apgd-margin", "fab", "random-search"]


@pytest.mark.parametrize("norm", NORMS)
def test_the_random_search_finds_what_has_no_gradient(norm: str) -> None:
    model = Function(lambda x: ((x - 0.55).norm(dim=1) < 0.01).float() * 2 - 1)  # wrong in one small disc
    x, y, threat = torch.full((3, 2), 0.5), torch.zeros(3, dtype=torch.int64), Threat(norm, 0.1)
    found = random_search(model, x, y, threat, queries=5000, random=torch.Generator().manual_seed(0))
    assert (model(found).argmax(1) == 1).all()
    assert threat.violation(found, x).max() <= 1e-6


@pytest.mark.parametrize("norm", NORMS)
def test_the_random_search_climbs_to_the_corner(norm: str) -> None:
    weight = torch.randn(2, 8)
    model, x = Linear(weight, torch.zeros(2)), 0.3 + 0.4 * torch.rand(20, 8)
    y, threat = model(x).argmax(1), Threat(norm, 0.05)
    lead = model(x).sort(dim=1).values.diff(dim=1).flatten().detach()
    reach = 0.05 * (weight[1] - weight[0]).norm(p=DUAL[norm])
    found = random_search(model, x, y, threat, queries=1000, random=torch.Generator().manual_seed(0))
    broken = model(found).argmax(1) != y
    assert threat.violation(found, x).max() <= 1e-6
    assert not (broken & (lead > reach)).any()
    assert broken[lead < 0.9 * reach].all()
