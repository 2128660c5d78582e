"""attack=suite, the worst case over its members, sample by sample; attack=transfer, another's points."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bregman_exp as bx
from bregman_exp.robustness import ATTACKS, AttackSpec, Evaluation, Norm, Robustness, evaluate, unique_ids
from bregman_exp.robustness.attacks.suite import default_members, worst_case
from bregman_exp.robustness.victim import Victim

from .reference import Function, Linear, Watched, found_by, labelled, linear_task, named, tiny_conv, tiny_mlp

NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])
ONE_STEP = {"linf": "fgsm", "l2": "fgm"}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch, short_programs: None) -> None:
    """Also fewer queries of the searches without gradients."""
    for place in ("autoattack_members", "random_search"):
        monkeypatch.setattr(f"bregman_exp.robustness.attacks.{place}.QUERIES", 60)


def suite(norm: str, eps: float, *members: dict[str, Any]) -> AttackSpec:
    return AttackSpec.of("suite", norm, eps, members=members)


def attacked(model: nn.Module, x: Tensor, y: Tensor, spec: AttackSpec, **settings: Any) -> Robustness:
    """The one entry, verified; its shares add up."""
    evaluation = evaluate(model, x, y, [spec], **settings)
    assert named(evaluation.checks, "points-in-threat")[0].status == "passed"
    (entry,) = evaluation.robust
    if "shares" in entry.counts:
        assert sum(entry.counts["shares"].values()) == evaluation.clean.correct - correct(entry)
    return entry


def correct(entry: Robustness) -> int:
    assert entry.result is not None
    return entry.result.correct


def survivors(entry: Robustness) -> Tensor:
    assert entry.survivors is not None
    return entry.survivors


def partly_wrong(n: int = 80, features: int = 2, classes: int = 4) -> tuple[nn.Module, Tensor, Tensor]:
    model = tiny_mlp(features, classes)
    x, y = labelled(model, n, features)
    y[::11] = (y[::11] + 1) % classes
    return model, x, y


# ---- the worst case


@NORMS
@pytest.mark.parametrize("batch_size", [7, 250])
def test_left_is_what_every_member_leaves_alone(norm: str, batch_size: int) -> None:
    model, x, y = partly_wrong()
    members = [
        {"attack": "gaussian_noise", "restarts": 2},
        {"attack": ONE_STEP[norm]},
        {"attack": "pgd", "steps": 3, "loss": "margin"},
        {"attack": "pgd", "steps": 3, "loss": "dlr"},
        {"attack": "pgd", "steps": 3, "restarts": 2},
        {"attack": "uniform_noise"},
    ]
    eps = 0.06
    entry = attacked(model, x, y, suite(norm, eps, *members), batch_size=batch_size)
    alone = [attacked(model, x, y, AttackSpec.of(norm=norm, eps=eps, **member)) for member in members]
    left = torch.stack([survivors(each) for each in alone])
    assert torch.equal(survivors(entry), left.all(dim=0))
    assert len({int(each.sum()) for each in left}) > 2  # the members differ
    first = (~left).int().argmax(dim=0)[~left.all(dim=0) & (model(x).argmax(1) == y)]
    shares = list(entry.counts["shares"].values())
    assert shares == first.bincount(minlength=len(members)).tolist()
    assert list(entry.counts["shares"]) == [
        "gaussian_noise",
        ONE_STEP[norm],
        "pgd-margin",
        "pgd-dlr",
        "pgd-2x3",
        "uniform_noise",
    ]


@pytest.mark.parametrize(("norm", "shape"), [("linf", (6,)), ("l2", (3, 4, 4))])
def test_the_default_suite_on_a_linear_classifier(norm: str, shape: tuple[int, ...]) -> None:
    task = linear_task(shape, 0.3, 0.7, n=40)
    dual = task.towards_the_other.norm(p={"linf": 1, "l2": 2}[norm], dim=1)
    distance = task.lead(task.points) / dual
    eps = float(distance[distance > 0].median())
    clear = (distance - eps).abs() > 1e-3 * eps
    entry = attacked(task.model, task.x, task.y, AttackSpec.of("suite", norm, eps))
    assert clear.sum() >= 38
    assert torch.equal(survivors(entry)[clear], (distance > eps)[clear])


@NORMS
def test_the_default_suite_is_at_least_as_strong_as_each_of_its_parts(norm: str) -> None:
    model, x, y = partly_wrong(40, classes=3)
    entry = attacked(model, x, y, AttackSpec.of("suite", norm, 0.05))
    for alone in (AttackSpec.of("pgd", norm, 0.05), AttackSpec.of("pgd", norm, 0.05, loss="dlr")):
        assert not (survivors(entry) & ~survivors(attacked(model, x, y, alone))).any()
    assert survivors(entry).any()


def test_members_see_only_what_the_earlier_ones_left() -> None:
    model = Watched(Linear(torch.tensor([[0.0], [1.0]]), torch.tensor([0.0, -0.5])))
    x = torch.tensor([[0.05], [0.15], [0.25], [0.35], [0.45], [0.9]])
    y = torch.zeros(6, dtype=torch.int64)
    seen: dict[str, list[list[int]]] = {"far": [], "near": [], "none": []}

    def member(name: str, reach: float):
        def perturb(left: Tensor) -> Tensor:
            seen[name].append(left.tolist())
            return x[left] + reach

        return name, perturb

    found = worst_case(model, x, y, [member("near", 0.1), member("far", 0.3), member("none", 0.0)])
    assert seen == {"near": [[0, 1, 2, 3, 4]], "far": [[0, 1, 2, 3]], "none": [[0, 1]]}
    assert found.counts == {"shares": {"near": 1, "far": 2, "none": 0}}
    torch.testing.assert_close(found.points - x, torch.tensor([[0], [0], [0.3], [0.3], [0.1], [0]]))
    assert {len(shown) for shown in model.seen} == {6}  # judged on the whole batch, as the harness does


def test_members_are_not_called_for_nobody() -> None:
    def never(left: Tensor) -> Tensor:
        raise AssertionError(left)

    x = torch.rand(3, 1)
    found = worst_case(Function(lambda x: 1 + x[:, 0]), x, torch.zeros(3, dtype=torch.int64), [("a", never)])
    assert torch.equal(found.points, x)
    assert found.counts == {"shares": {"a": 0}}


def test_later_members_cost_only_what_is_left() -> None:
    model = Watched(Linear(torch.tensor([[0.0], [1.0]]), torch.tensor([0.0, -0.5])))
    x, y = torch.tensor([[0.1], [0.45], [0.48]]), torch.zeros(3, dtype=torch.int64)
    spec = suite("linf", 0.1, {"attack": "fgsm"}, {"attack": "pgd", "steps": 4, "random_start": False})
    entry = spec.find(Victim(model), x, y, torch.arange(3))
    assert entry.counts == {"shares": {"fgsm": 2, "pgd": 0}}
    sizes = [len(shown) for shown in model.seen]
    # classes; judged; fgsm, judged; pgd's start and 4 steps, judged
    assert sizes == [1, 3, 3, 3, 1, 1, 1, 1, 1, 3]


@NORMS
def test_a_search_for_the_nearest_point_answers_within_eps_only(norm: str) -> None:
    task = linear_task((4,), 0.45, 0.55, n=20)
    distance = task.lead(task.points) / task.towards_the_other.norm(p={"linf": 1, "l2": 2}[norm], dim=1)
    eps = float(distance[distance > 0].median())
    spec = suite(norm, eps, {"attack": "fmn"})
    entry = attacked(task.model, task.x, task.y, spec, keep_points=True)
    clear = (distance - eps).abs() > 2e-3 * eps
    assert torch.equal(survivors(entry)[clear], (distance > eps)[clear])
    alone = attacked(task.model, task.x, task.y, AttackSpec.of("fmn", norm, eps))
    assert torch.equal(survivors(alone), survivors(entry))
    assert entry.points is not None
    assert entry.attacked is not None
    moved = (entry.points[0] if entry.points.dim() > 2 else entry.points) != task.x[entry.attacked]
    assert torch.equal(moved.any(dim=1), ~survivors(entry)[entry.attacked])
    assert entry.distances is None  # the suite is no search for the nearest point


def test_a_suite_on_nobody_and_at_eps_0() -> None:
    model, x, y = partly_wrong(20)
    none = evaluate(model, x, (model(x).argmax(1) + 1) % 4, [AttackSpec.of("suite", "linf", 0.1)])
    assert correct(none.robust[0]) == 0
    entry = attacked(model, x, y, AttackSpec.of("suite", "l2", 0))
    assert torch.equal(survivors(entry), model(x).argmax(1) == y)


# ---- the members


def names_of(model: nn.Module, shape: tuple[int, ...], classes: int, norm: str = "linf") -> list[str]:
    x, y = torch.rand(4, *shape), torch.zeros(4, dtype=torch.int64)
    found = AttackSpec.of("suite", norm, 0.01).find(Victim(model), x, y % classes, torch.arange(4))
    return list(found.counts["shares"])


@pytest.mark.parametrize(("norm", "images"), [("linf", False), ("l2", True)])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_default_members(classes: int, images: bool, norm: str) -> None:
    shape = (3, 6, 6) if images else (2,)
    model = Linear(torch.randn(classes, torch.Size(shape).numel()), torch.zeros(classes))
    dlr = ["pgd-dlr"] if classes >= 3 else []
    apgd = "apgd-t" if classes >= 4 else "apgd-margin"
    search = "square" if images else "random_search"
    expected = [ONE_STEP[norm], "pgd", "pgd-margin", *dlr, "fmn", apgd, search]
    assert names_of(model.requires_grad_(False), shape, classes, norm) == expected
    members = default_members(Norm(norm), classes, images)
    assert [member.label for member in members] == [
        name.replace("apgd-margin", "apgd-t") for name in expected
    ]


def test_members_of_the_entry_replace_the_default_ones() -> None:
    model = tiny_mlp(2, 2).requires_grad_(False)
    x, y = labelled(model, 10, 2)
    members = [{"attack": "fab-t"}, {"attack": "pgd"}, {"attack": "pgd", "steps": 3}, {"attack": "fab"}]
    found = suite("linf", 0.05, *members).find(Victim(model), x, y, torch.arange(10))
    assert list(found.counts["shares"]) == ["fab", "pgd", "pgd-2", "fab-2"]  # two classes have no targets


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ([], r"members=\[\]: a suite needs at least one attack"),
        ("pgd", r"members='pgd': a suite needs at least one attack"),
        (3, r"members=3: a suite needs at least one attack"),
        ({"attack": "pgd"}, r"a suite needs at least one attack"),
        (["pgd"], r"members: pgd needs attack, and may have its settings, e.g. \{attack: pgd\}"),
        ([{"steps": 3}], r"members: .* needs attack"),
        ([{"attack": "pgd", "stepz": 3}], r"attack=pgd has no setting stepz; it has loss, steps, rel_step"),
        ([{"attack": "pgd", "eps": 0.3}], r"members: .*eps.* which the suite sets: leave it out"),
        ([{"attack": "pgd", "norm": "l2"}], r"members: .*norm.* which the suite sets: leave it out"),
        ([{"attack": "pgd"}, {"attack": "ddos"}], r"attack='ddos' is unknown"),
        ([{"attack": "fgm"}], r"attack=fgm cannot do norm=linf; it does l2"),
        ([{"attack": "fgsm", "steps": 3}], r"attack=fgsm has no setting steps; it has loss"),
        ([{"attack": "pgd", "steps": 0}], r"steps=0: it must be a whole number ≥ 1"),
        ([{"attack": "suite"}], r"suite cannot be a member of a suite"),
        ([{"attack": "suite", "members": [{"attack": "pgd"}]}], r"suite cannot be a member of a suite"),
        ([{"attack": "exact"}], r"exact cannot be a member of a suite"),
        ([{"attack": "torchattacks", "cls": "PGDL2"}], r"PGDL2 cannot do norm=linf"),
        ([{"attack": "torchattacks"}], r"needs cls"),
        ([{"attack": "pgd", "precision": "float64"}], r"precision"),  # the suite's model is float32
    ],
)
def test_members_that_are_not_allowed(members: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        AttackSpec.of("suite", "linf", 0.1, members=members)
    assert "\n" not in str(refused.value)


def test_members_are_a_suites_alone() -> None:
    for attack in ("pgd", "autoattack", "fmn"):
        with pytest.raises(ValueError, match=f"attack={attack} has no setting members"):
            AttackSpec.of(attack, "linf", 0.1, members=[{"attack": "pgd"}])


def test_a_transfer_can_be_a_member() -> None:
    model, x, y = partly_wrong(30, classes=2)
    spec = suite("linf", 0.05, {"attack": "fgsm"}, {"attack": "transfer", "steps": 5})
    entry = attacked(model, x, y, spec, source=tiny_mlp(2, 2))
    assert list(entry.counts["shares"]) == ["fgsm", "transfer"]
    with pytest.raises(ValueError, match=r"attack=transfer needs the model to transfer from; give source="):
        evaluate(model, x, y, [spec])


# ---- what is recorded of an attack


def test_only_what_differs_from_the_defaults_identifies_an_attack() -> None:
    plain = {"attack": "pgd", "norm": "linf", "eps": 0.1}
    assert AttackSpec.of("pgd", "linf", 0.1).changed() == plain
    facts = {"steps": 50, "restarts": 1, "rel_step": 0.25, "random_start": True, "loss": "ce"}
    facts |= {"early_stop": True, "through": None, "precision": "float32", "cls": None}
    assert AttackSpec.of("pgd", "linf", 0.1, **facts).changed() == plain
    assert AttackSpec.of("pgd", "linf", 0.1, steps=100, early_stop=False).changed() == plain | {
        "steps": 100,
        "early_stop": False,
    }
    assert AttackSpec.of("fmn", "l2", 0.1, steps=100).changed().keys() == {"attack", "norm", "eps"}
    assert AttackSpec.of("fmn", "l2", 0.1, steps=50).changed()["steps"] == 50
    assert AttackSpec.of("uniform_noise", "l2", 0.1, restarts=1).changed().keys() == {"attack", "norm", "eps"}
    assert suite("l2", 0.1, {"attack": "pgd"}).changed()["members"] == ({"attack": "pgd"},)
    assert AttackSpec.of("suite", "l2", 0.1).changed() == {"attack": "suite", "norm": "l2", "eps": 0.1}


@pytest.mark.parametrize(
    ("spec", "id_"),
    [
        (AttackSpec.of("suite", "linf", 0.71 / 255), "suite-linf-0.0028"),
        (suite("l2", 0.5, {"attack": "pgd"}), "suite-l2-0.5"),
        (AttackSpec.of("transfer", "l2", 0.08, loss="margin"), "transfer-margin-l2-0.08"),
        (AttackSpec.of("uniform_noise", "linf", 0.1, restarts=9), "uniform_noise-linf-0.1"),
        (AttackSpec.of("fmn", "linf", 0.1), "fmn-linf-0.1"),
        (AttackSpec.of("pgd", "linf", 0.1, restarts=5, loss="dlr"), "pgd-dlr-5x50-linf-0.1"),
        (AttackSpec.of("pgd", "linf", 0.1, through="straight-through"), "pgd-straight-through-linf-0.1"),
        (AttackSpec.of("pgd", "linf", 0.1, precision="float64"), "pgd-float64-linf-0.1"),
    ],
)
def test_ids(spec: AttackSpec, id_: str) -> None:
    assert spec.id == id_
    assert unique_ids([spec, spec]) == [id_, f"{id_}-2"]


def test_what_metrics_json_says() -> None:
    facts = suite("l2", 0.1, {"attack": "pgd", "loss": "margin"}, {"attack": "fmn"}).to_json()
    assert facts == {
        "attack": "suite",
        "norm": "l2",
        "eps": 0.1,
        "steps": None,
        "restarts": None,
        "loss": None,
        "members": [{"attack": "pgd", "loss": "margin"}, {"attack": "fmn"}],
    }
    assert "members" not in AttackSpec.of("suite", "l2", 0.1).to_json()
    facts = AttackSpec.of("transfer", "linf", 0.1, steps=7).to_json()
    assert (facts["steps"], facts["restarts"], facts["loss"]) == (7, 1, "ce")
    assert not {"early_stop", "through", "precision"} & facts.keys()
    facts = AttackSpec.of("pgd", "linf", 0.1, early_stop=False, through="a").to_json()
    assert (facts["early_stop"], facts["through"]) == (False, "a")
    assert AttackSpec.of("pgd", "linf", 0.1, precision="float64").to_json()["precision"] == "float64"
    assert "members" not in facts


def test_random_numbers_by_batch_are_told() -> None:
    assert not AttackSpec.of("pgd", "linf", 0.1).attack.draws_by_batch
    assert not AttackSpec.of("fmn", "linf", 0.1).attack.draws_by_batch
    assert AttackSpec.of("random_search", "linf", 0.1).attack.draws_by_batch
    assert AttackSpec.of("suite", "linf", 0.1).attack.draws_by_batch  # the default one ends in a search
    assert suite("linf", 0.1, {"attack": "pgd"}, {"attack": "square"}).attack.draws_by_batch


@pytest.mark.parametrize(
    "settings",
    [{"through": 5}, {"random_start": "maybe"}, {"early_stop": 3}, {"restarts": 1.5}, {"steps": True}],
    ids=str,
)
def test_settings_of_another_type_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        AttackSpec.of("pgd", "linf", 0.1, **settings)


# ---- transfer


@NORMS
def test_points_of_an_identical_linear_model_break_exactly_what_they_should(norm: str) -> None:
    task = linear_task((6,), 0.3, 0.7, n=100)
    same = Linear(task.model.weight.detach().clone(), task.model.bias.detach().clone())
    distance = task.lead(task.points) / task.towards_the_other.norm(p={"linf": 1, "l2": 2}[norm], dim=1)
    eps = float(distance[distance > 0].median())
    clear = (distance - eps).abs() > 1e-3 * eps
    entry = attacked(task.model, task.x, task.y, AttackSpec.of("transfer", norm, eps), source=same)
    assert torch.equal(survivors(entry)[clear], (distance > eps)[clear])


@NORMS
def test_points_of_an_opposite_model_break_nothing(norm: str) -> None:
    task = linear_task((6,), 0.3, 0.7, n=60)
    opposite = Linear(-task.model.weight.detach(), -task.model.bias.detach())
    spec = AttackSpec.of("transfer", norm, 0.05, random_start=False)
    entry = attacked(task.model, task.x, task.y, spec, source=opposite)
    assert torch.equal(survivors(entry), task.lead(task.points) > 0)


def test_the_source_alone_is_followed_and_to_the_end() -> None:
    """The source is wrong from 0.55 on, the attacked model from 0.68 on: a stop at 0.55 breaks nothing."""
    model = Watched(Function(lambda x: x[:, 0] - 0.68))
    source = Watched(Function(lambda x: x[:, 0] - 0.55))
    x, y = torch.tensor([[0.5]]), torch.zeros(1, dtype=torch.int64)
    spec = AttackSpec.of("transfer", "linf", 0.2, steps=8, random_start=False)
    points = spec.find(Victim(model, 0, source=source), x, y, torch.arange(1)).points
    torch.testing.assert_close(points, torch.tensor([[0.7]]))
    assert len(source.seen) == 9
    assert model.seen == []


def test_the_sources_state_is_as_before() -> None:
    model, source = tiny_conv().eval(), tiny_conv().train()
    x, y = labelled(model, 10, 3, 6, 6)
    before = {name: tensor.clone() for name, tensor in source.state_dict().items()}
    evaluate(model, x, y, [AttackSpec.of("transfer", "linf", 0.1, steps=2)], source=source)
    assert all(module.training for module in source.modules())
    assert all(parameter.requires_grad for parameter in source.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in source.state_dict().items())


def test_a_source_that_does_not_fit_or_is_not_there() -> None:
    model, x, y = partly_wrong(20, classes=3)
    spec = AttackSpec.of("transfer", "linf", 0.1)
    with pytest.raises(ValueError, match="the transfer source has 4 classes and the model 3"):
        evaluate(model, x, y, [spec], source=tiny_mlp(2, 4))
    with pytest.raises(ValueError, match="attack=transfer needs the model to transfer from") as refused:
        evaluate(model, x, y, [spec])
    assert str(refused.value).endswith("give source=….")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_source_in_another_precision(dtype: torch.dtype) -> None:
    model, x, y = partly_wrong(20, classes=3)
    source = tiny_mlp(2, 3)
    spec = AttackSpec.of("transfer", "linf", 0.1, steps=5)
    expected = attacked(model, x, y, spec, source=source)
    entry = attacked(model, x, y, spec, source=source.to(dtype))
    assert abs(correct(entry) - correct(expected)) <= 3


def test_a_model_in_float64_and_a_source_in_float32() -> None:
    model, x, y = partly_wrong(20, classes=3)
    source = tiny_mlp(2, 3)
    spec = AttackSpec.of("transfer", "linf", 0.1, steps=5)
    expected = attacked(model, x, y, spec, source=source)
    wide = attacked(model.double(), x.double(), y, spec, source=source)
    assert abs(correct(wide) - correct(expected)) <= 1


# ---- pgd to the end, and through a surrogate


@NORMS
@pytest.mark.parametrize("restarts", [1, 3])
def test_without_early_stop_the_accuracy_is_the_same_and_costs_more(restarts: int, norm: str) -> None:
    model, x, y = partly_wrong(60, classes=3)
    model.requires_grad_(False)
    x, y = x[model(x).argmax(1) == y], y[model(x).argmax(1) == y]
    n, right, looks = len(y), [], []
    for early_stop in (True, False):
        watched = Watched(model)
        spec = AttackSpec.of("pgd", norm, 0.06, steps=8, restarts=restarts, early_stop=early_stop)
        points = spec.find(Victim(watched), x, y, torch.arange(n)).points
        right.append(model(points).argmax(1) == y)
        looks.append(sum(map(len, watched.seen)))
    assert torch.equal(right[0], right[1])
    assert 0 < right[0].sum() < n
    assert looks[1] == n * restarts * 9
    assert looks[0] <= looks[1] - int((~right[0]).sum()) * 9 * (restarts - 1)
    assert looks[0] < looks[1]


@pytest.mark.parametrize("loss", ["ce", "margin"])
def test_without_early_stop_the_wrong_iterate_of_highest_loss_is_returned(loss: str) -> None:
    """From 0.5 in steps of 0.1: wrong at 0.6 (a little), at 0.7 (most) and at 0.8 (a little)."""
    model = Function(lambda x: 0.16 - (x[:, 0] - 0.71).abs() + 0 * x[:, 0])
    x, y = torch.tensor([[0.5]]), torch.zeros(1, dtype=torch.int64)
    settings: dict[str, Any] = {"steps": 4, "rel_step": 0.25, "random_start": False, "loss": loss}
    for early_stop, expected in ((True, 0.6), (False, 0.7)):
        spec = AttackSpec.of("pgd", "linf", 0.4, early_stop=early_stop, **settings)
        found = found_by(spec, model, x, y)
        torch.testing.assert_close(found.points, torch.tensor([[expected]]))


class Hiding(nn.Module):
    """Its input is rounded, so that it has no gradient; its surrogate's is not."""

    def __init__(self, model: nn.Module, offered: nn.Module | None = None):
        super().__init__()
        self.model, self.offered = model, offered or model

    def forward(self, x: Tensor) -> Tensor:
        return self.model((x * 256).round() / 256)

    def surrogates(self) -> dict[str, nn.Module]:
        return {"straight-through": self.offered}


@NORMS
def test_through_follows_the_surrogate_and_judges_by_the_model(norm: str) -> None:
    task = linear_task((6,), 0.3, 0.7, n=60)
    hiding = Hiding(task.model)
    direct = AttackSpec.of("pgd", norm, 0.05, random_start=False)
    through = AttackSpec.of("pgd", norm, 0.05, random_start=False, through="straight-through")
    blind = attacked(hiding, task.x, task.y, direct)
    assert torch.equal(survivors(blind), hiding(task.x).argmax(1) == task.y)  # it stands still
    seeing = attacked(hiding, task.x, task.y, through)
    open_ = attacked(task.model, task.x, task.y, direct)
    assert abs(correct(seeing) - correct(open_)) <= 3
    assert correct(seeing) < correct(blind)
    misled = Hiding(task.model, Linear(-task.model.weight.detach(), -task.model.bias.detach()))
    assert correct(attacked(misled, task.x, task.y, through)) == correct(blind)


def test_through_a_surrogate_that_is_not_offered() -> None:
    model, x, y = partly_wrong(10)
    for victim, there in ((model, "none"), (Hiding(model), "straight-through")):
        with pytest.raises(ValueError, match=f"through=dual: .* no such surrogate; it has {there}"):
            evaluate(victim, x, y, [AttackSpec.of("pgd", "linf", 0.1, through="dual")])


def bregman_task(n: int = 20) -> tuple[nn.Module, Tensor, Tensor]:
    net = bx.mlp([2, 2], act="tanh", version="bregman", in_features=2, num_classes=2)
    x = torch.rand(n, 2)
    with torch.no_grad():
        return net, x, net.eval()(x).argmax(1)


def test_through_a_surrogate_in_float64() -> None:
    net, x, y = bregman_task()
    narrow = AttackSpec.of("pgd", "linf", 0.1, steps=20, through="straight-through")
    wide = AttackSpec.of("pgd", "linf", 0.1, steps=20, through="straight-through", precision="float64")
    evaluation = evaluate(net, x, y, [narrow, wide])
    in_float32, in_float64 = (entry.survivors for entry in evaluation.robust)
    assert in_float64.sum() < len(y)
    assert (in_float32 != in_float64).sum() <= 1


def test_an_attack_through_a_surrogate_is_audited_too() -> None:
    net, x, y = bregman_task()
    spec = AttackSpec.of("pgd", "linf", 0.1, steps=10, through="straight-through", precision="float64")
    evaluation: Evaluation = evaluate(net, x, y, [spec], audit=True, source=bregman_task()[0])
    assert named(evaluation.checks, "float64")[0].status in ("passed", "failed")


# ---- what the audit makes of it


@pytest.mark.usefixtures("small_default_suite")
def test_a_search_that_comes_before_the_gradients_is_no_sign_of_hidden_ones() -> None:
    model, x, y = partly_wrong(60, classes=3)
    spec = suite("linf", 0.1, {"attack": "random_search"}, {"attack": "pgd"})
    evaluation = evaluate(model, x, y, [spec], audit=True)
    assert evaluation.robust[0].counts["shares"]["random_search"] > 5
    (check,) = named(evaluation.checks, "gradient-free")
    assert check.status == "passed"


def test_one_step_on_a_flat_loss_does_not_rise() -> None:
    model = Function(lambda x: 0 * x.sum(1) - 1)
    x, y = torch.rand(20, 2), torch.zeros(20, dtype=torch.int64)
    for steps in (1, 2, 50):
        evaluation = evaluate(model, x, y, [AttackSpec.of("pgd", "linf", 0.1, steps=steps)])
        assert named(evaluation.checks, "loss-still-rising")[0].value == 0


def test_two_searches_for_the_nearest_point_keep_their_own_distances() -> None:
    model, x, y = partly_wrong(20, classes=3)
    specs = [AttackSpec.of("fmn", "linf", 0.1, steps=steps) for steps in (60, 1)]
    evaluation = evaluate(model, x, y, specs)
    arrays = evaluation.arrays(torch.arange(20), y)
    distances = [arrays[name] for name in arrays if name.startswith("distance-")]
    assert len(distances) == 2
    for entry, written in zip(evaluation.robust, distances, strict=True):
        assert entry.distances is not None
        assert entry.distances.tolist() == written.tolist()


def test_the_authors_members_are_attacks_of_their_own() -> None:
    for name in ("apgd-ce", "apgd-margin", "apgd-t", "fab", "fab-t", "square"):
        assert ATTACKS[name].members == (name,)
        assert AttackSpec.of(name, "l2", 0.1).id == f"{name}-l2-0.1"
