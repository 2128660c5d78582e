"""An interrupted evaluation goes on where it was, and ends as if nothing had happened."""

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import bregman_exp as bx
from bregman_exp.robustness import ATTACKS, AttackSpec, Evaluation, Robustness, evaluate
from bregman_exp.robustness.parts import TENSORS, Part, digest

from .reference import Linear, Watched, labelled, tiny_mlp

CALLS = [2, 5, 11]  # of on_progress, after which it is interrupted


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("autoattack_members", "random_search"):
        monkeypatch.setattr(f"bregman_exp.robustness.attacks.{place}.QUERIES", 20)
    monkeypatch.setattr(ATTACKS["autoattack-lt4"], "members", ("apgd-ce", "fab", "square"))
    for name in ("autoattack-lt4", "apgd-margin"):
        monkeypatch.setattr(ATTACKS[name], "steps", 4)
    for name in ("RANDOM_STARTS", "PROBES"):
        monkeypatch.setattr(f"bregman_exp.robustness.attacks.minimal_norm.{name}", 2)


class Interrupting:
    """Raises KeyboardInterrupt at its k-th call."""

    def __init__(self, after: int):
        self.left = after

    def __call__(self, *_: object) -> None:
        self.left -= 1
        if self.left <= 0:
            raise KeyboardInterrupt


class Kept(dict):
    """Parts that count what is written."""

    written = 0

    def __setitem__(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        self.written += 1
        super().__setitem__(key, arrays)


class Counting(nn.Module):
    """How many inputs the model was shown."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.shown = model, 0

    def forward(self, x: Tensor) -> Tensor:
        self.shown += len(x)
        return self.model(x)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    return type(a) is type(b) and a == b


def assert_same(a: Evaluation, b: Evaluation) -> None:
    """Bit for bit, all but the seconds."""
    assert (a.clean, a.checks) == (b.clean, b.checks)
    assert torch.equal(a.predictions, b.predictions)
    for mine, other in ((a.robust, b.robust), (a.probes, b.probes)):
        assert len(mine) == len(other)
        for left, right in zip(mine, other, strict=True):
            for field in fields(Robustness):
                if field.name != "seconds":
                    assert same(getattr(left, field.name), getattr(right, field.name)), field.name


def task(n: int = 26, classes: int = 3) -> tuple[Any, Tensor, Tensor]:
    model = tiny_mlp(2, classes)
    x, y = labelled(model, n, 2)
    y[::7] = (y[::7] + 1) % classes
    return model, x, y


def pgd(eps: float = 0.05, norm: str = "linf", **settings: Any) -> AttackSpec:
    given: dict[str, Any] = {"steps": 3} | settings
    return AttackSpec.of("pgd", norm, eps, **given)


SPECS: dict[str, list[AttackSpec]] = {
    "pgd": [pgd(), pgd(norm="l2", restarts=2, loss="margin"), pgd(precision="float64")],
    "noise": [
        AttackSpec.of("uniform_noise", "l2", 0.1),
        AttackSpec.of("gaussian_noise", "linf", 0.1, restarts=2),
    ],
    "suite": [
        AttackSpec.of("suite", "linf", 0.03, members=[{"attack": "fgsm"}, {"attack": "square"}]),
        AttackSpec.of(
            "suite", "l2", 0.03, members=[{"attack": "pgd", "steps": 2}, {"attack": "random_search"}]
        ),
    ],
    "searches": [AttackSpec.of("square", "linf", 0.03), AttackSpec.of("random_search", "l2", 0.05)],
    "fmn": [AttackSpec.of("fmn", norm, eps, steps=4) for norm in ("linf", "l2") for eps in (0.1, 0.01, 0.03)],
    "torchattacks": [
        AttackSpec.of("torchattacks", "linf", 0.05, cls="PGD", parameters={"steps": 2}),
        AttackSpec.of("torchattacks", "l2", 0.05, cls="PGDL2", parameters={"steps": 2}),
    ],
    "autoattack": [AttackSpec.of("autoattack", "linf", 0.03), AttackSpec.of("apgd-t", "l2", 0.03)],
    "transfer": [AttackSpec.of("transfer", "l2", 0.1, steps=3)],
}


def same_after_interruptions(run: Callable[..., Evaluation], calls: list[int]) -> None:
    """``run(parts=…, on_progress=…)``; at least two of the interruptions happen."""
    whole, happened = run(), 0
    for after in calls:
        parts = Kept()
        try:
            run(parts=parts, on_progress=Interrupting(after))
        except KeyboardInterrupt:
            happened += 1
        assert_same(run(parts=parts), whole)
        full = parts.written
        assert full == len(parts)
        assert_same(run(parts=parts), whole)
        assert parts.written == full  # nothing is done again
    assert happened >= 2


@pytest.mark.parametrize("name", SPECS)
def test_interrupted_and_continued_is_uninterrupted(name: str) -> None:
    model, x, y = task()
    source = tiny_mlp(2, 3) if name == "transfer" else None

    def run(**settings: Any) -> Evaluation:
        torch.rand(3)  # another global state every time
        return evaluate(
            model,
            x,
            y,
            SPECS[name],
            batch_size=8,
            seed=3,
            source=source,
            keep_points=name in ("fmn", "suite"),
            **settings,
        )

    same_after_interruptions(run, CALLS)


def test_a_proof_continues() -> None:
    net = bx.mlp([2], act="tanh", version="bregman", in_features=2, num_classes=2)
    x = torch.rand(9, 2)
    with torch.no_grad():
        y = net.eval()(x).argmax(1)
    specs = [AttackSpec.of("exact", norm, 0.02) for norm in ("linf", "l2")]
    same_after_interruptions(
        lambda **settings: evaluate(net, x, y, specs, batch_size=4, **settings), [2, 3, 6]
    )


@pytest.mark.slow
def test_an_audit_continues() -> None:
    model, x, y = task(14)
    specs = [
        pgd(),
        AttackSpec.of("suite", "linf", 0.05, members=[{"attack": "fgsm"}, {"attack": "square"}]),
        pgd(norm="l2"),
    ]
    source = tiny_mlp(2, 3)
    same_after_interruptions(
        lambda **settings: evaluate(model, x, y, specs, batch_size=7, audit=True, source=source, **settings),
        [3, 9, 20, 40],
    )


def test_an_attack_whose_points_fail_verification_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, y = task()
    monkeypatch.setattr("bregman_exp.robustness.harness.TOLERANCE", -1.0)
    whole = evaluate(model, x, y, [pgd(), pgd(norm="l2")], batch_size=8)
    assert whole.robust[0].survivors is None
    parts = Kept()
    with pytest.raises(KeyboardInterrupt):
        evaluate(model, x, y, [pgd(), pgd(norm="l2")], batch_size=8, parts=parts, on_progress=Interrupting(3))
    assert parts.written == 1
    assert_same(evaluate(model, x, y, [pgd(), pgd(norm="l2")], batch_size=8, parts=parts), whole)


@pytest.fixture
def _no_looks_beside_the_attacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is counted what the attacks show the model."""
    monkeypatch.setattr("bregman_exp.robustness.witness.repeat_calls", lambda *_: (0, 0))
    for check in ("continuity_checks", "slope_checks"):
        monkeypatch.setattr(f"bregman_exp.robustness.evaluation.{check}", lambda *_: [])


@pytest.mark.usefixtures("_no_looks_beside_the_attacks")
def test_finished_batches_are_not_computed_again() -> None:
    inner, x, y = task(40)
    model = Counting(inner)
    spec = pgd(steps=10, early_stop=False)
    right = int((labelled_right(inner, x, y)).sum())
    parts = Kept()
    evaluate(model, x, y, [spec], batch_size=10, parts=parts)
    whole, model.shown = model.shown, 0
    assert parts.written == -(-right // 10)
    evaluate(model, x, y, [spec], batch_size=10, parts=parts)
    checks, model.shown = model.shown, 0
    assert whole - checks == right * (11 + 1)  # the steps, the start, and the harness's own look
    half = Kept()
    with pytest.raises(KeyboardInterrupt):
        evaluate(model, x, y, [spec], batch_size=10, parts=half, on_progress=Interrupting(4))
    assert half.written == 2  # of the parts clean, the attack's begin, and its two batches
    model.shown = 0
    evaluate(model, x, y, [spec], batch_size=10, parts=half)
    assert model.shown == checks + (right - 20) * 12


def labelled_right(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        return model(x).argmax(1) == y


@pytest.mark.usefixtures("_no_looks_beside_the_attacks")
def test_one_search_answers_for_every_eps() -> None:
    inner, x, y = task(20)
    shown = []
    for sizes in ([0.02], [0.02, 0.04, 0.1]):
        model = Counting(inner)
        parts = Kept()
        entries = evaluate(
            model, x, y, [AttackSpec.of("fmn", "l2", eps, steps=5) for eps in sizes], parts=parts
        ).robust
        assert parts.written == 1
        shown.append(model.shown)
        for entry in entries:
            assert entry.survivors is not None
            assert entry.distances is not None
            assert torch.equal(entry.survivors, entry.distances > entry.spec.eps)
    assert shown[1] - shown[0] == 2 * 17  # each size's points are looked at


@pytest.mark.parametrize(
    "change",
    [
        "weights",
        "buffer",
        "data",
        "labels",
        "ids",
        "seed",
        "steps",
        "eps",
        "batch_size",
        "keep_points",
        "source",
    ],
)
def test_no_part_of_another_evaluation_is_used(change: str) -> None:
    model, x, y = task(20)
    model.register_buffer("more", torch.zeros(2))
    settings: dict[str, Any] = {
        "ids": torch.arange(20),
        "seed": 0,
        "batch_size": 50,
        "keep_points": False,
        "source": tiny_mlp(2, 3),
    }
    spec, parts = pgd(), Kept()
    evaluate(model, x, y, [spec], parts=parts, **settings)
    assert parts.written == 1
    assert_same(
        evaluate(model, x, y, [spec], **settings), evaluate(model, x, y, [spec], parts=parts, **settings)
    )
    assert parts.written == 1
    with torch.no_grad():
        if change == "weights":
            model[4].weight[0, 0] += 1e-3
        if change == "buffer":
            model.more[1] = 1
        if change == "source":
            settings["source"][4].bias[0] += 1e-3
    if change == "data":
        x = x.clone()
        x[1, 1] = (x[1, 1] + 1e-6).clamp(0, 1)
    if change == "labels":
        y = y.clone()
        y[1] = (y[1] + 1) % 3
    spec = {"steps": pgd(steps=4), "eps": pgd(0.06)}.get(change, spec)
    settings |= {
        "ids": {"ids": torch.arange(20) + 1},
        "seed": {"seed": 1},
        "batch_size": {"batch_size": 10},
        "keep_points": {"keep_points": True},
    }.get(change, {})
    evaluation = evaluate(model, x, y, [spec], parts=parts, **settings)
    assert parts.written > 1
    assert_same(evaluation, evaluate(model, x, y, [spec], **settings))


def test_no_part_of_another_architecture_with_the_same_weights_is_used() -> None:
    first = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
    second = nn.Sequential(first[0], nn.Sigmoid(), first[2])
    x = torch.rand(20, 2)
    y = (labelled_classes(first, x) == labelled_classes(second, x)) * labelled_classes(first, x)
    parts = Kept()
    evaluate(first, x, y, [pgd()], parts=parts)
    assert_same(evaluate(second, x, y, [pgd()], parts=parts), evaluate(second, x, y, [pgd()]))


def labelled_classes(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return model(x).argmax(1)


def test_a_setting_at_its_default_is_no_other_setting() -> None:
    model, x, y = task(20)
    parts = Kept()
    evaluate(model, x, y, [AttackSpec.of("pgd", "linf", 0.05)], parts=parts)
    settings: dict[str, Any] = {
        "steps": 50,
        "restarts": 1,
        "rel_step": 0.25,
        "loss": "ce",
        "early_stop": True,
    }
    evaluate(model, x, y, [AttackSpec.of("pgd", "linf", 0.05, **settings)], parts=parts)
    assert parts.written == 1


# ---- parts


def part(**more: Any) -> Part:
    content = {"counts": {"shares": {"apgd-ce": 3, "square": 0}}, "seconds": 1 / 3} | more
    return Part(
        survivors=torch.tensor([[True, False, True]]),
        violation=torch.tensor([0.1 + 0.2], dtype=torch.float64),
        **content,
    )


@pytest.mark.parametrize(
    "made",
    [
        part(),
        part(counts={}, undecided=0),
        part(undecided=2, late=torch.tensor([False, True, False])),
        part(distances=torch.tensor([0.1, torch.inf, 1e-300], dtype=torch.float64)),
        part(points=torch.rand(1, 3, 2, 2), predicted=torch.tensor([[0, -1, 2]])),
        part(points=torch.rand(1, 3, 2).double(), predicted=torch.tensor([[0, 1, 2]])),
        Part(torch.zeros(2, 0, dtype=torch.bool), torch.tensor([0.0, torch.inf]).double(), 1e-9, {}),
    ],
)
def test_a_part_is_kept_exactly(made: Part) -> None:
    arrays = made.arrays()
    assert all(isinstance(array, np.ndarray) and array.dtype != object for array in arrays.values())
    again = Part.of(arrays)
    for field in fields(Part):
        assert same(getattr(again, field.name), getattr(made, field.name)), field.name
    assert set(arrays) - {"facts"} == {name for name in TENSORS if getattr(made, name) is not None}


def test_the_stored_names_of_a_part_stay_so_that_old_files_are_read() -> None:
    numbers = {"seconds": 0.5, "counts": {}, "undecided": None, "asked": 7, "otherwise": 2}
    arrays = part().arrays() | {"facts": np.array(json.dumps(numbers))}
    old = Part.of(arrays)
    assert (old.seconds, old.repeated, old.differing) == (0.5, 7, 2)


def test_what_a_digest_tells_apart() -> None:
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5])
    model, other = Linear(torch.eye(2), torch.zeros(2)), Linear(torch.eye(2), torch.ones(2))
    digests = [
        digest(a),
        digest(b),
        digest(a, b),
        digest(b, a),
        digest(a.double()),
        digest({"eps": 0.1}),
        digest({"eps": 0.2}),
        digest(model),
        digest(other),
        digest(Watched(model)),
        digest(torch.zeros(0)),
        digest(),
    ]
    assert len(set(digests)) == len(digests)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(torch.eye(3).t().contiguous(), model) == digest(torch.eye(3), model)
    assert digest(torch.arange(6.0).view(2, 3).t()) == digest(torch.tensor([[0.0, 3], [1, 4], [2, 5]]))
    assert all(len(text) == 12 and set(text) <= set("0123456789abcdef") for text in digests)


def test_a_parts_name_begins_with_its_attack() -> None:
    model, x, y = task(20)
    parts = Kept()
    specs = [pgd(loss="margin"), AttackSpec.of("fmn", "linf", 0.1, steps=2)]
    evaluate(model, x, y, specs, batch_size=50, parts=parts)
    assert [key.rpartition("-")[0] for key in parts] == ["pgd-margin", "fmn"]
