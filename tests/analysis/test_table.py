"""The table: rows over seeds, columns, evaluations, published figures, and what is missing or doubtful."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bregman_exp.analysis.names import start_name
from bregman_exp.analysis.published import published
from bregman_exp.analysis.table import render
from bregman_exp.runs import NotARunError, RunFolder
from tests.analysis.table_runs import (
    IMAGES,
    OTHER,
    SPIRAL,
    added,
    cells,
    entry,
    expected,
    mlp,
    page,
    paper,
    row,
    run,
    spiral,
    tables,
    unfinished,
)  # fmt: skip

BAD = ArithmeticError("loss is nan\nmore")


def names_and_columns() -> list[RunFolder]:
    """Rows that differ in model, act, weights, depth, two settings, or only in their hash; three attacks."""
    attacks = [entry(9, "pgd-l2-0.5"), entry(8, "pgd-linf-0.1"), entry(7, "pgd-linf-0.2")]
    configs = [
        {"optim": {"lr": lr}, "model": {"clamp": c}} for lr, c in ((0.1, 2e-5), (0.2, 2e-5), (0.1, None))
    ]
    facts: list[dict[str, Any]] = [
        *({"act": "tanh"}, {"act": "tanh", "weights": "best"}, {"model": "bregman_resnet20"}),
        *({"row_hash": f"{i}", "config": config} for i, config in enumerate(configs)),
        *({"row_hash": name, "act": "atan"} for name in ("abcd12", "abcd34")),
        *({"row_hash": f"d{n}", "model": "mlp", "config": mlp(n, epochs=182)} for n in (100, 3, 30)),
    ]
    return [run(Path(str(i)), 80 + i, attacks, suite="curve", **own) for i, own in enumerate(facts)]


def evaluations() -> list[RunFolder]:
    """Of each run: an equal figure, which does not count, fewer samples, other settings, later code; of the
    first also other weights, another attack, and an evaluation that failed."""
    runs = row(Path(), [80, 90, 70], *paper(40, 50), suite=None, config={"attack": {"name": "paper"}})
    for folder in runs:
        added(folder, "paper-1", 80, paper(39, 49))
        added(folder, "paper-3", 9, [entry(3, n=10)], n=10)
        added(folder, "long-1", 80, [entry(31, steps=500)])
        added(folder, "suite-1", 80, [entry(30, "suite-linf-0.0028")], environment={"git": OTHER})
    added(runs[0], "paper-2", 85, paper(45, 55), weights="best")
    added(runs[0], "square-1", 9, [entry(2, "square-linf-0.1", n=10)], n=10)
    runs[0].evaluation("curve-1").fail(BAD)
    return runs


def missing_and_doubtful() -> list[RunFolder]:
    """A row of four seeds, three of them doubtful; another one that lacks seeds and figures; rows without
    any; and runs of other data."""
    verdicts = ((40, "unchecked"), (40, "unreliable"), (40, "degenerate"), (None, "unreliable"))
    whole = [
        run(Path(f"s{seed}"), 80, [entry(correct, verdict=verdict)], seed=seed)
        for seed, (correct, verdict) in enumerate(verdicts)
    ]
    less = [run(Path(f"t{i}"), 70 + i, [entry(30)] * (i < 1), seed=i, act="tanh") for i in (0, 1)]
    twice = [run(Path("again"), 90, [entry(30)], act="tanh"), RunFolder(Path("t0/../t1"))]
    note = {"row_hash": "resnet20-tanh", "model": "resnet20", "act": "tanh", "dataset": IMAGES}
    rates = [
        ({"optim": {"lr": lr}, "trainer": {"max_epochs": 182}}, note | {"row_hash": f"{lr}", "seed": 0})
        for lr in (1, 2)
    ]
    lost = [
        unfinished(Path("seed-1-complete-elsewhere"), {}, BAD, note),
        *(unfinished(Path(f"seed-{i}-x"), {}, error, note) for i, error in ((2, BAD), (4, None))),
        *(unfinished(Path(f"lr-{i}"), config, BAD, own) for i, (config, own) in enumerate(rates)),
        unfinished(Path("seed-0-other"), {"dataset": {"name": "two_spiral"}}),
    ]
    return [*whole, *less, *twice, *lost]


def copied_data() -> list[RunFolder]:
    """Runs on a copy of the published data, on fewer images, for fewer epochs."""
    copy = {"label": "CIFAR-10 (JPEG copy)", "fingerprint": "c", "n_train": 4000}
    return row(Path(), [80], *paper(40, 50), act="relu", dataset=copy, train={"epochs": 2})


def spirals() -> list[RunFolder]:
    """A row with a remark about its published figure, and one of which no run is complete."""
    lost = unfinished(Path("seed-0-x"), mlp(version="bregman", init="deterministic"), BAD)
    return [*spiral(Path(), [80], depth=100, version="bregman"), *spiral(Path(), [80, 82]), lost]


@pytest.mark.parametrize(
    ("runs", "file", "asked"),
    [
        (names_and_columns, "rows.md", {"baseline": "none"}),
        (evaluations, "evaluations.md", {}),
        (evaluations, "evaluations-asked.md", {"attacks": ("pgd-linf", "suite", "square")}),
        (evaluations, "evaluations-best.md", {"weights": "best"}),
        (missing_and_doubtful, "missing.md", {"baseline": "none"}),
        (copied_data, "copy.md", {}),
        (spirals, "spirals.md", {"baseline": "none"}),
    ],
)
def test_a_whole_table(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    runs: Callable[[], list[RunFolder]],
    file: str,
    asked: dict[str, Any],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert page(runs(), **asked) == expected(file)


def test_a_terminal_says_on_a_line_of_its_own_what_was_measured(tmp_path: Path) -> None:
    text = render(tables(spiral(tmp_path, [80, 82])), "terminal")
    lines = text.splitlines()
    (i,) = [i for i, line in enumerate(lines) if line.endswith("measured with bregmanet")]
    assert lines[i - 1].endswith("81.00 ± 1.41")
    assert lines[i + 1].endswith("75.10 ± 7.50")
    assert "published" not in text


@pytest.mark.parametrize(
    ("init", "versions", "name"),
    [
        ("random", ["standard", "bregman"], "random start"),
        ("deterministic", ["standard", "euclidean"], "identity start"),
        ("deterministic", ["bregman"], "zero start"),
        ("deterministic", ["bregman", "standard", "bregman"], "identity or zero start"),
        ("", ["standard"], ""),
    ],
)
def test_what_an_initialisation_is_called(init: str, versions: list[str], name: str) -> None:
    assert start_name(init, *versions) == name


@pytest.mark.parametrize(
    ("changes", "beside"),
    [
        ({"robust": [entry(40, "pgd-linf-0.031")]}, ["0.8911", ""]),
        ({"dataset": {"label": "faces", "fingerprint": "1"}}, ["", "", ""]),
        ({"weights": "best"}, ["", "", ""]),
        ({"config": {"model": {"clamp": None}}}, ["", "", ""]),
        ({"act": "gelu"}, ["", "", ""]),
    ],
)
def test_no_published_figure_is_beside_another_attack_data_weights_or_network(
    tmp_path: Path, changes: dict[str, Any], beside: list[str]
) -> None:
    given = {"robust": paper(40, 50), "model": "bregman_resnet20", "act": "atan"} | changes
    assert [cell["published_mean"] for cell in cells([run(tmp_path, 80, **given)])] == beside


def test_two_spiral_figures_are_of_depth_start_and_epochs(tmp_path: Path) -> None:
    shapes: list[tuple[str, dict[str, Any]]] = [
        *(("0.984", {}), ("0.979", {"init": "deterministic"}), ("0.981", {"depth": 100, "epochs": 200})),
        *(("0.964", {"depth": 100}), ("", {"depth": 5}), ("", {"epochs": 5})),
    ]
    for i, (beside, shape) in enumerate(shapes):
        (cell,) = cells(spiral(tmp_path / str(i), [80], version="bregman", **shape))
        assert cell["published_mean"] == beside
    older = run(tmp_path / "x", 80, dataset=SPIRAL, model="bregman_mlp", act="atan")  # may be any of them
    assert cells([older])[0]["published_mean"] == ""


def test_published_figures_are_there_once() -> None:
    figures = published()
    assert len(figures) == 3 * 5 + 20
    assert not figures.duplicated(["measure", "model", "act", "data", "where"]).any()


def test_what_cannot_be_tabulated_is_refused(tmp_path: Path) -> None:
    lost = [unfinished(tmp_path / "a", {}), unfinished(tmp_path / "b", {}, BAD)]
    with pytest.raises(
        ValueError, match=r"^none of 2 runs is complete \(1 failed\); train or finish one fir"
    ):
        tables(lost)
    (own,) = row(tmp_path, [80], *paper(40, 50))
    with pytest.raises(ValueError, match="no complete run has figures of its best weights"):
        tables([own], weights="best")
    with pytest.raises(
        ValueError, match=r"id starts with 'square'; there are: fgsm-linf-0.0047, pgd-l2-0.08, "
    ):
        tables([own], attacks=("pgd", "square"))
    own.metrics.write_text("[]")
    with pytest.raises(NotARunError, match="is no record of a run"):
        tables([own])
