"""Deceptive models are unreliable, by the check named for their kind; healthy ones are as they were."""

import copy

import pytest
import torch
from torch import Tensor, nn

from bregman_exp.robustness import AttackSpec, Evaluation, evaluate

from .deceptive import DECEPTIVE, EPS, CountsCalls, Deceptive, honest_network, samples_of
from .healthy import IMAGES, POINTS
from .reference import labelled, named

pytestmark = pytest.mark.usefixtures("few_queries", "short_programs")

NEW = {"state-unchanged", "same-answers", "continuity", "gradient-is-slope", "hard-label"}
TRUTH = 0.425  # what the suite leaves of the honest network


def failed(evaluation: Evaluation) -> set[str]:
    return {check.name for check in evaluation.checks if check.status == "failed"}


def test_the_honest_network_is_easily_attacked() -> None:
    net = honest_network()
    x, y = samples_of(net)
    evaluation = evaluate(net, x, y, [AttackSpec.of("suite", "linf", EPS)])
    assert (evaluation.clean.accuracy, evaluation.robust[0].result.accuracy) == (0.9, TRUTH)
    assert evaluation.robust[0].verdict == "unchecked"


@pytest.mark.parametrize("kind", DECEPTIVE, ids=lambda kind: kind.__name__)
def test_a_deceptive_model_is_unreliable(kind: type[Deceptive]) -> None:
    net = honest_network()
    x, y = samples_of(net)
    evaluation = evaluate(kind(net, x), x, y, [AttackSpec.of("pgd", "linf", EPS)], audit=kind.needs_audit)
    (entry,) = evaluation.robust
    assert entry.result.accuracy > TRUTH + 0.1, "it deceives nobody"
    assert kind.caught_by in failed(evaluation)
    assert entry.verdict == "unreliable"


def test_ten_kinds_at_least() -> None:
    assert len(DECEPTIVE) == len(set(DECEPTIVE)) >= 10
    assert all(kind.__doc__ and kind.caught_by for kind in DECEPTIVE)


@pytest.mark.parametrize("attack", ["suite", "autoattack", "fgsm", "apgd-ce", "hard_label"])
def test_a_model_that_changes_is_unreliable_under_every_attack(attack: str) -> None:
    net = honest_network()
    x, y = samples_of(net)
    evaluation = evaluate(CountsCalls(net, x), x, y, [AttackSpec.of(attack, "linf", EPS)])
    assert {"state-unchanged", "same-answers"} <= failed(evaluation)
    assert evaluation.robust[0].verdict == "unreliable"


def test_a_finished_evaluation_that_is_read_from_its_parts_says_the_same() -> None:
    net = honest_network()
    x, y = samples_of(net)
    specs = [AttackSpec.of("pgd", "linf", EPS, steps=5)]
    kept: dict = {}
    first, again = (evaluate(CountsCalls(net, x), x, y, specs, parts=kept) for _ in range(2))
    for evaluation in (first, again):
        (check,) = named(evaluation.checks, "same-answers")
        assert check.status == "failed"
    assert (first.robust[0].repeated, first.robust[0].differing) == (
        again.robust[0].repeated,
        again.robust[0].differing,
    )


@pytest.mark.parametrize("name", POINTS)
def test_a_healthy_model_of_points_fails_no_new_check(name: str) -> None:
    model = POINTS[name]()
    x, y = labelled(model, 40, 8)
    specs = [AttackSpec.of("pgd", norm, 0.05, steps=10) for norm in ("linf", "l2")]
    passes_all(model, x, y, specs)


@pytest.mark.parametrize("name", IMAGES)
def test_a_healthy_model_of_images_fails_no_new_check(name: str) -> None:
    model = IMAGES[name]()
    x, y = labelled(model, 16, *((3, 6, 6) if "small" in name else (3, 8, 8)))
    passes_all(model, x, y, [AttackSpec.of("pgd", "linf", 0.02, steps=5)])


def passes_all(model: nn.Module, x: Tensor, y: Tensor, specs: list[AttackSpec]) -> None:
    evaluation = evaluate(model, x, y, specs)
    assert failed(evaluation) & NEW == set()
    assert named(evaluation.checks, "same-answers")[0].value == 0
    assert bool(named(evaluation.checks, "fresh-copy")) == ("lock" in str(type(model)).lower())
    assert all(entry.repeated > 0 for entry in evaluation.robust)


def test_a_model_that_cannot_be_copied_is_audited() -> None:
    model = POINTS["with a lock"]()
    with pytest.raises(TypeError):
        copy.deepcopy(model)
    x, y = samples_of(model)
    evaluation = evaluate(model, x, y, [AttackSpec.of("pgd", "linf", 0.01, steps=5)], audit=True)
    for name in ("float64", "fresh-copy"):
        assert [check.status for check in named(evaluation.checks, name)] == ["skipped"]
    assert failed(evaluation) & NEW == set()


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
@pytest.mark.parametrize("copies", [0, 1, 2])
def test_a_copy_that_memory_has_no_room_for_is_said(error: type[Exception], copies: int) -> None:
    class Large(nn.Module):
        made = 0

        def __init__(self):
            super().__init__()
            self.net = honest_network()

        def __deepcopy__(self, memo: dict) -> nn.Module:
            if Large.made >= copies:
                raise error("full")
            Large.made += 1
            return Large()

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x)

    model = Large()
    x, y = samples_of(model)
    evaluation = evaluate(model, x, y, [AttackSpec.of("fgsm", "linf", EPS)])
    assert [check.status for check in named(evaluation.checks, "fresh-copy")] == ["skipped"]
    assert named(evaluation.checks, "same-answers")[0].status == "passed"


def test_where_no_answer_was_noted_nothing_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    net = honest_network()
    x, y = samples_of(net)
    monkeypatch.setattr("bregman_exp.robustness.witness._is_answer", lambda *_: False)
    evaluation = evaluate(net, x, y, [AttackSpec.of("pgd", "linf", EPS, steps=3)])
    (check,) = named(evaluation.checks, "same-answers")
    assert (check.status, check.value) == ("failed", 1.0)


def test_a_model_compiled_in_place_is_healthy() -> None:
    net = honest_network()
    x, y = samples_of(net)
    expected = evaluate(net, x, y, [AttackSpec.of("pgd", "linf", EPS, steps=5)])
    net.compile(backend="eager")
    evaluation = evaluate(net, x, y, [AttackSpec.of("pgd", "linf", EPS, steps=5)])
    assert failed(evaluation) & NEW == set()
    assert torch.equal(evaluation.robust[0].survivors, expected.robust[0].survivors)


def test_one_class_has_no_boundary() -> None:
    x = torch.rand(20, 8)
    y = torch.zeros(20, dtype=torch.int64)
    net = honest_network()
    net[2].bias.data[0] += 1e3
    (check,) = named(evaluate(net, x, y, [AttackSpec.of("pgd", "linf", 0.01)]).checks, "continuity")
    assert check.status == "skipped"
