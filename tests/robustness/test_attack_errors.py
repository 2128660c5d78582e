"""An attack that raises: said before training where it can be, and no loss for the others."""

import pytest
import torch
from torch import Tensor, nn

from bregman_exp.robustness import ATTACKS, AttackSpec, evaluate

from .reference import found_by, labelled, named, tiny_conv, tiny_mlp

PGD = AttackSpec.of("pgd", "linf", 0.05, steps=3)
BROKEN = AttackSpec.of("fgsm", "linf", 0.05)


def broken(monkeypatch: pytest.MonkeyPatch, attack: str, error: BaseException) -> None:
    def find(*_: object) -> Tensor:
        raise error

    monkeypatch.setattr(ATTACKS[attack], "find", find)


def rehearsed(spec: AttackSpec, model: nn.Module, shape: torch.Size, classes: int) -> None:
    spec.attack.rehearse(spec.threat, model, shape, classes)


def task() -> tuple[nn.Module, Tensor, Tensor]:
    model = tiny_mlp()
    return model, *labelled(model, 20, 2)


def test_the_others_keep_their_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, y = task()
    healthy = evaluate(model, x, y, [PGD, BROKEN])
    broken(monkeypatch, "fgsm", IndexError("index -4 is out of bounds"))
    evaluation = evaluate(model, x, y, [PGD, BROKEN])
    assert torch.equal(evaluation.robust[0].survivors, healthy.robust[0].survivors)
    facts = evaluation.to_json()["robust"]
    assert "error" not in facts[0]
    assert facts[1]["error"] == "IndexError: index -4 is out of bounds"
    assert (facts[1]["accuracy"], facts[1]["verdict"]) == (None, "unreliable")
    assert [check.status for check in named(evaluation.checks, "attack-ended")] == ["passed", "failed"]


def test_a_probe_of_the_audit_that_raises_is_no_passed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, y = task()
    broken(monkeypatch, "random_search", ZeroDivisionError())
    evaluation = evaluate(model, x, y, [PGD], audit=True)
    assert [check.status for check in named(evaluation.checks, "gradient-free")] == ["failed"]
    (probe,) = [p for p in evaluation.to_json()["probes"] if "gradient-free" in p["id"]]
    assert probe["error"].startswith("ZeroDivisionError")


def test_where_all_raise_there_is_nothing_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, y = task()
    broken(monkeypatch, "fgsm", IndexError("index -4"))
    with pytest.raises(IndexError, match="index -4"):
        evaluate(model, x, y, [BROKEN])


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_the_attacks_failure_stops(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, y = task()
    broken(monkeypatch, "fgsm", error)
    with pytest.raises(type(error)):
        evaluate(model, x, y, [PGD, BROKEN])


@pytest.mark.parametrize(("cls", "classes"), [("FAB", 2), ("FAB", 3), ("APGDT", 4), ("AutoAttack", 4)])
def test_libraries_are_given_the_number_of_classes(cls: str, classes: int) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, classes)).eval()
    x, y = labelled(model, 6, 3, 4, 4)
    settings = {"steps": 2} if cls != "AutoAttack" else {}
    spec = AttackSpec.of("torchattacks", "linf", 0.3, cls=cls, parameters=settings)
    assert found_by(spec, model, x, y).points.shape == x.shape


@pytest.mark.parametrize(
    ("cls", "norm", "shape", "classes"),
    [
        ("APGDT", "linf", (3, 32, 32), 3),
        ("AutoAttack", "l2", (2,), 2),
        ("Square", "l2", (2,), 10),
        ("DIFGSM", "linf", (2,), 10),
        ("LGV", "linf", (3, 32, 32), 10),
    ],
)
def test_what_cannot_run_is_said_beforehand(
    cls: str, norm: str, shape: tuple[int, ...], classes: int
) -> None:
    spec = AttackSpec.of("torchattacks", norm, 0.03, cls=cls)
    with pytest.raises(ValueError, match=f"torchattacks.{cls} cannot attack {classes} classes"):
        rehearsed(spec, tiny_mlp(), torch.Size(shape), classes)


def test_a_member_of_a_suite_is_tried_too() -> None:
    spec = AttackSpec.of("suite", "linf", 0.03, members=[{"attack": "torchattacks", "cls": "APGDT"}])
    with pytest.raises(ValueError, match="APGDT cannot attack 2 classes"):
        rehearsed(spec, tiny_mlp(), torch.Size((2,)), 2)


@pytest.mark.parametrize("cls", ["PGD", "APGDT", "FAB", "EADL1"])
def test_what_can_run_passes(cls: str) -> None:
    rehearsed(AttackSpec.of("torchattacks", "linf", 0.03, cls=cls), tiny_mlp(), torch.Size((3, 8, 8)), 10)


def test_what_takes_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bregman_exp.robustness.rehearsal.PATIENCE", 0.0)
    rehearsed(AttackSpec.of("torchattacks", "linf", 0.03, cls="Square"), tiny_mlp(), torch.Size((2,)), 2)


def test_a_proof_needs_its_bounds_before_training() -> None:
    with pytest.raises(ValueError, match="needs a model with interval"):
        rehearsed(AttackSpec.of("exact", "linf", 0.03), tiny_mlp(), torch.Size((2,)), 2)
    with pytest.raises(ValueError, match="needs samples of at most 3 dimensions"):
        rehearsed(AttackSpec.of("exact", "linf", 0.03), tiny_conv(), torch.Size((3, 6, 6)), 3)
