"""What is said of a robust accuracy: interval, fields, JSON, progress."""

import io
import json

import numpy as np
import pytest
import torch
from rich.console import Console
from torch.utils.data import DataLoader, TensorDataset

import bregman_exp as bx
from bregman_exp.robustness import (
    Accuracy,
    AttackSpec,
    EvaluationProgress,
    evaluate,
    progress,
)
from bregman_exp.wilson import wilson_interval

from .reference import Function, Watched, labelled, named, tiny_mlp


def test_accuracy() -> None:
    accuracy = Accuracy(81, 263)
    assert accuracy.accuracy == 81 / 263
    assert accuracy.to_json() == {
        "accuracy": 81 / 263,
        "correct": 81,
        "n": 263,
        "ci95": list(wilson_interval(81, 263)),
    }


def test_the_report_of_a_robust_accuracy() -> None:
    model = Function(lambda x: x[:, 0] - 0.5)
    x, y = torch.tensor([[0.1], [0.45], [0.9], [0.2]]), torch.zeros(4, dtype=torch.int64)
    report = bx.robust_accuracy(model, x, y, attack="pgd", norm="linf", eps=0.1, steps=10)
    assert (report.accuracy, report.correct, report.n, report.verdict) == (0.5, 2, 4, "unchecked")
    assert report.ci95 == wilson_interval(2, 4)
    assert report.survivors.dtype == torch.bool
    assert report.survivors.tolist() == [True, False, False, True]
    (check,) = named(report.checks, "points-in-threat")
    assert (check.name, check.status, check.limit) == ("points-in-threat", "passed", 1e-6)
    assert 0 <= check.value <= 1e-6


def test_the_default_attack_is_pgd_of_1_255() -> None:
    model = Watched(Function(lambda x: x[:, 0] - 0.5))
    x, y = torch.tensor([[0.5 - 0.9 / 255], [0.5 - 1.1 / 255]]), torch.zeros(2, dtype=torch.int64)
    assert bx.robust_accuracy(model, x, y).survivors.tolist() == [False, True]


def test_an_evaluation_as_json_and_arrays() -> None:
    model = tiny_mlp()
    x, y = labelled(model, 20, 2)
    y[0] = (y[0] + 1) % 3
    specs = [
        AttackSpec.of("pgd", "linf", 0.05, steps=3),
        AttackSpec.of("fgm", "l2", 0.05),
        AttackSpec.of("pgd", "linf", 0.05, steps=5),
    ]
    evaluation = evaluate(model, x, y, specs)
    record = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert record["clean"]["correct"] == 19
    assert [entry["id"] for entry in record["robust"]] == ["pgd-linf-0.05", "fgm-l2-0.05", "pgd-linf-0.05-2"]
    assert set(record["robust"][0]) == {
        *("id", "attack", "norm", "eps", "steps", "restarts", "loss", "rel_step", "random_start"),
        *("accuracy", "correct", "n", "ci95", "verdict", "seconds"),
    }
    assert set(record["checks"][0]) == {"name", "applies_to", "status", "value", "limit"}
    verified = [check["applies_to"] for check in record["checks"] if check["name"] == "points-in-threat"]
    assert verified == [[entry["id"]] for entry in record["robust"]]

    arrays = evaluation.arrays(torch.arange(20) * 5, y)
    assert arrays["id"].tolist() == list(range(0, 100, 5))
    assert (arrays["prediction"] == arrays["label"]).tolist() == [False] + [True] * 19
    for entry in record["robust"]:
        assert arrays[entry["id"]].dtype == np.bool_
        assert arrays[entry["id"]].sum() == entry["correct"]


def test_a_suite_gives_each_attack_the_number_it_has_alone() -> None:
    model = tiny_mlp()
    x, y = labelled(model, 40, 2)
    specs = [
        AttackSpec.of("torchattacks", "linf", 0.1, cls="PGD"),
        AttackSpec.of("pgd", "l2", 0.1, steps=3),
        AttackSpec.of("fgsm", "linf", 0.1),
    ]
    together = evaluate(model, x, y, specs).robust
    for spec, entry in zip(specs, together, strict=True):
        assert torch.equal(evaluate(model, x, y, [spec]).robust[0].survivors, entry.survivors)


def test_progress_ends_with_all_samples_done() -> None:
    model = tiny_mlp()
    x, y = labelled(model, 23, 2)
    y[:4] = (y[:4] + 1) % 3
    progress: list[tuple[str, int, int, int]] = []
    specs = [AttackSpec.of("pgd", "linf", 0.1, steps=2), AttackSpec.of("fgsm", "linf", 0.1)]
    evaluation = evaluate(
        model, x, y, specs, batch_size=5, on_progress=lambda *figures: progress.append(figures)
    )
    assert progress[0] == ("clean", 23, 23, 19)
    for entry in evaluation.robust:
        figures = [of for name, *of in progress if name == entry.id]
        assert [done for done, _, _ in figures] == [4, 9, 14, 19, 23]
        assert figures[0] == [4, 23, 19]
        assert figures[-1] == [23, 23, entry.result.correct]
        assert [right for _, _, right in figures] == sorted((right for _, _, right in figures), reverse=True)


def test_progress_is_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for line_every, lines in ((-1.0, ["clean  9/9, 9 still right", "pgd  4/9, 8 still right"]), (30.0, [])):
        monkeypatch.setattr(progress, "LINE_INTERVAL", line_every)
        console = Console(file=io.StringIO(), width=100)
        with EvaluationProgress(console) as tell:
            tell("clean", 9, 9, 9)
            tell("pgd", 4, 9, 8)
        assert console.file.getvalue().splitlines() == lines


def test_progress_is_a_bar_on_a_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with EvaluationProgress(console) as tell:
        tell("pgd-linf-0.1", 4, 9, 8)
        tell("pgd-linf-0.1", 9, 9, 7)
    assert "9/9, 7 still right" in console.file.getvalue()


def test_a_function_a_loader_and_a_data_set_give_the_figures_of_the_module() -> None:
    model = tiny_mlp(3)
    x, y = torch.rand(30, 3, generator=torch.Generator().manual_seed(1)), torch.arange(30) % 3
    whole = bx.robust_accuracy(model, x, y, eps=0.1, steps=5, points=True)
    pairs = TensorDataset(x, y)
    others = [
        bx.robust_accuracy(lambda z: model(z), x, y, norm="Linf", eps="0.1", steps=5, points=True),
        bx.robust_accuracy(model, DataLoader(pairs, batch_size=7), eps=0.1, steps=5, points=True),
        bx.robust_accuracy(model, pairs, eps=0.1, steps=5, points=True),
        bx.robust_accuracy(model, x.numpy(), y.numpy(), eps=0.1, steps=5, points=True),
    ]
    for other in others:
        assert torch.equal(other.survivors, whole.survivors)
        assert torch.equal(other.adversarial, whole.adversarial)
    assert whole.adversarial.shape == x.shape
    assert 0 < (whole.adversarial - x).abs().max() <= 0.1 + 1e-6
    right = model(whole.adversarial).argmax(1) == y
    assert torch.equal(right, whole.survivors)


def test_a_report_is_one_line() -> None:
    model = Function(lambda x: x[:, 0] - 0.5)
    x, y = torch.tensor([[0.1], [0.45], [0.9], [0.2]]), torch.zeros(4, dtype=torch.int64)
    report = bx.robust_accuracy(model, x, y, eps="1/10", steps=10)
    line = "pgd-linf-0.1: 50.00 % right (95 % interval 15.0 – 85.0), clean 75.00 %, n = 4: unchecked"
    assert str(report) == line


def test_a_function_without_gradients_is_not_called_robust() -> None:
    model = tiny_mlp(3)
    x = torch.rand(30, 3, generator=torch.Generator().manual_seed(1))
    report = bx.robust_accuracy(torch.no_grad()(model.forward), x, model(x).argmax(1), eps=0.01, audit=True)
    assert report.verdict == "unreliable"
