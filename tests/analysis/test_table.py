"""The table: rows over seeds, columns, evaluations, published figures, and what is missing or doubtful."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bregman_exp.analysis.published import published
from bregman_exp.runs import NotARunError, RunFolder
from tests.analysis.table_runs import (
    OTHER,
    SPIRAL,
    added,
    cells,
    entry,
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
MLP, BREGMAN_MLP = "mlp (atan), depth 3, random", "bregman_mlp (atan), depth 3, random"
NOTE = {"row_hash": "mlp", "model": "mlp", "act": "atan"}
RESNET20 = "| resnet20 (gelu) | 1 | "
AUTO = entry(30, "autoattack-linf-0.0028")


def two_weights(place: Path) -> list[RunFolder]:
    """A run whose best weights were evaluated later."""
    return [added(run(place, 80, paper(40, 50)), "paper-1", 85, paper(45, 55), weights="best")]


def doubtful(place: Path) -> list[RunFolder]:
    verdicts = ((40, "unchecked"), (40, "unreliable"), (40, "degenerate"), (None, "unreliable"))
    return [
        run(place / f"s{seed}", 80, [entry(correct, verdict=verdict)], seed=seed)
        for seed, (correct, verdict) in enumerate(verdicts)
    ]


def of_other_rates(place: Path) -> list[RunFolder]:
    """A complete row, and two rows without figures that differ in the learning rate alone."""
    note = {"model": "resnet20", "act": "tanh", "seed": 0, "dataset": {"fingerprint": "f" * 64}}
    lost = [
        unfinished(
            place / f"lr-{lr}",
            {"optim": {"lr": lr}, "trainer": {"max_epochs": 182}},
            note=note | {"row_hash": f"{lr}"},
        )
        for lr in (0.1, 0.2)
    ]
    return [run(place / "a", 80), *lost]


class Case(NamedTuple):
    """Runs below a place, and what their table says; with the options ``asked``."""

    runs: Callable[[Path], list[RunFolder]]
    says: list[str]
    asked: dict[str, Any] = {}  # noqa: RUF012 -- never changed


CASES = {
    "mean and sample deviation over seeds; of the paper's suite the PGD": Case(
        lambda place: row(place, [80, 90, 70], *paper(40, 50)),
        [
            "| row | seeds | test accuracy | ℓ∞-robust | ℓ2-robust |",
            "| resnet20 (gelu) | 3 | 80.00 ± 10.00 | 40.00 ± 0.00 | 50.00 ± 0.00 |",
            "not shown (--attack ID): fgsm-linf-0.0047",
        ],
    ),
    "an attack that is asked for": Case(
        lambda place: row(place, [80], *paper(40, 50)),
        ["| row | seeds | test accuracy | ℓ∞-robust |", f"{RESNET20}80.00 | 50.00 |"],
        {"attacks": ("fgsm",)},
    ),
    "all attacks of another suite, by norm": Case(
        lambda place: row(
            place,
            [80],
            *(entry(9, "pgd-l2-0.5"), entry(8, "pgd-linf-0.1"), entry(7, "pgd-linf-0.2")),
            suite="curve",
        ),
        [
            "| row | seeds | test accuracy | pgd-linf-0.1 | pgd-linf-0.2 | ℓ2-robust |",
            f"{RESNET20}80.00 | 8.00 | 7.00 | 9.00 |",
        ],
    ),
    "the suite of an old record is its config's": Case(
        lambda place: [run(place, 80, paper(40, 50), {"attack": {"name": "paper"}}, suite=None)],
        [f"{RESNET20}80.00 | 40.00 | 50.00 |"],
    ),
    "what differs beside the seed makes a row": Case(
        lambda place: [
            run(place / str(i), 80 + i, **change)
            for i, change in enumerate(({}, {"act": "tanh"}, {"model": "bregman_resnet20"}))
        ],
        [f"{RESNET20}80.00 |", "| resnet20 (tanh) | 1 | 81.00 |", "| bregman_resnet20 (gelu) | 1 | 82.00 |"],
        {"baseline": "none"},
    ),
    "other weights are another row": Case(
        lambda place: [run(place / "a", 80), run(place / "b", 81, seed=1, weights="best")],
        ["(gelu), best weights | 1 of 2 [1] | 81.00", "(gelu), last weights | 1 of 2 [2] | 80.00"],
        {"baseline": "none"},
    ),
    "rows of one name are named by what differs": Case(
        lambda place: [
            run(place / str(i), 80, (), {"optim": {"lr": lr}, "model": {"clamp": clamp}}, row_hash=f"{i}")
            for i, (lr, clamp) in enumerate(((0.1, 2e-5), (0.2, 2e-5), (0.1, None)))
        ],
        [
            "| resnet20 (gelu), model.clamp 2e-05, optim.lr 0.1 |",
            "| resnet20 (gelu), model.clamp 2e-05, optim.lr 0.2 |",
            "| resnet20 (gelu), model.clamp null, optim.lr 0.1 |",
        ],
    ),
    "rows that nothing tells apart are named by their hash": Case(
        lambda place: [run(place / name, 80, row_hash=name) for name in ("abcd12", "abcd34")],
        ["| resnet20 (gelu), row abcd1 |", "| resnet20 (gelu), row abcd3 |"],
    ),
    "depths are sorted as numbers": Case(
        lambda place: [folder for depth in (200, 5, 40) for folder in spiral(place, [80], depth=depth)],
        [
            "| mlp (atan), depth 5, random | 1 | 80.00 |\n"
            "| mlp (atan), depth 40, random | 1 | 80.00 |\n"
            "| mlp (atan), depth 200, random | 1 | 80.00 |"
        ],
        {"baseline": "none"},
    ),
    # ---- evaluations ----------------------------------------------------------------------------------
    "of equal figures the run's own stays": Case(
        lambda place: [added(run(place, 80, paper(40, 50)), "paper-1", 80, [*paper(39, 49), AUTO])],
        [f"{RESNET20}80.00 | 40.00 | 50.00 |"],
    ),
    "evaluations count": Case(
        lambda place: [added(run(place, 80, paper(40, 50)), "paper-1", 80, [*paper(39, 49), AUTO])],
        [f"{RESNET20}80.00 | 30.00 |"],
        {"attacks": ("autoattack",)},
    ),
    "a whole column may be of later code": Case(
        lambda place: [
            added(folder, "suite-1", 80, [entry(30)], environment={"git": OTHER}, suite="suite")
            for folder in row(place, [80, 90])
        ],
        ["| 85.00 ± 7.07 | 30.00 ± 0.00 |", f"on 100 samples, with code {OTHER[:7]}"],
    ),
    "fewer samples do not mix in": Case(
        lambda place: [added(run(place, 80, paper(40, 50)), "paper-1", 9, [entry(3, n=10)], n=10)],
        [f"{RESNET20}80.00 | 40.00 | 50.00 |", "fgsm-linf-0.0047, pgd-linf-0.0028, n = 10"],
    ),
    "fewer samples have a column where there are no more": Case(
        lambda place: [added(run(place, 80), "suite-1", 9, [entry(3, "autoattack-linf-0.0028", n=10)], n=10)],
        [f"{RESNET20}80.00 | 30.00 |", "loss ce) on 10 samples"],
        {"attacks": ("auto",)},
    ),
    "several settings of one attack are columns": Case(
        lambda place: [
            added(folder, "long-1", 80, [entry(30, steps=500)]) for folder in row(place, [80, 90], entry(40))
        ],
        [
            "| pgd-linf-0.0028 (steps 50) | pgd-linf-0.0028 (steps 500) |",
            "| 85.00 ± 7.07 | 40.00 ± 0.00 | 30.00 ± 0.00 |",
        ],
        {"attacks": ("pgd",)},
    ),
    "evaluations of other weights are counted": Case(
        two_weights,
        [f"{RESNET20}80.00 | 40.00 | 50.00 |", "{place}: 1 of its evaluations are of other weights"],
    ),
    "evaluations of the weights that are asked for": Case(
        two_weights, [f"{RESNET20}85.00 | 45.00 | 55.00 |", "best weights"], {"weights": "best"}
    ),
    "an evaluation that is not complete": Case(
        lambda place: [failed_evaluation(run(place, 80))], ["{place}: evaluation curve-1 is not complete"]
    ),
    # ---- published figures: see also the formats -------------------------------------------------------
    "a copy of the data, other epochs, fewer images": Case(
        lambda place: row(
            place,
            [80],
            *paper(40, 50),
            act="relu",
            dataset={"label": "CIFAR-10 (JPEG copy)", "fingerprint": "c", "n_train": 4000},
            train={"epochs": 2},
        ),
        [
            "the published figures are of CIFAR-10, these runs of CIFAR-10 (JPEG copy)",
            "the reference's recipe trains 182 epochs, these runs 2",
            "the reference's recipe trains on 45,000 images, these runs on 4,000",
        ],
    ),
    "a published figure with a remark": Case(
        lambda place: spiral(place, [80], depth=100, version="bregman"),
        ["| 1 | 80.00 [1] | 96.40 ± 7.00 |", "75.8"],
    ),
    # ---- what is missing, what is doubtful --------------------------------------------------------------
    "seeds that other rows have": Case(
        lambda place: [*spiral(place, [80, 82, 80, 82]), *spiral(place, [80, 82], version="bregman")],
        [
            f"| {BREGMAN_MLP} | 2 of 4 [1] | 81.00 ± 1.41 [1] |",
            f"| {MLP} | 4 | 81.00 ± 1.15 |",
            f"[1] {BREGMAN_MLP}: no run of seeds 2, 3, which other rows have",
        ],
        {"baseline": "none"},
    ),
    "failed and open runs": Case(
        lambda place: [
            *spiral(place, [80, 82]),
            unfinished(place / "seed-2-x", mlp(), BAD, NOTE),
            unfinished(place / "seed-3-x", mlp(epochs=9), None, NOTE),
        ],
        [
            f"| {MLP} | 2 of 4, 1 failed [1] | 81.00 ± 1.41 [1] |",
            f"[1] {MLP}: not complete: seed 2 (failed: ArithmeticError: loss is nan; {{place}}/seed-2-x), "
            "seed 3 (running or interrupted; {place}/seed-3-x)",
        ],
    ),
    "a failed seed that is complete elsewhere": Case(
        lambda place: [*spiral(place, [80, 82]), unfinished(place / "seed-1-x", mlp(), BAD)],
        [f"| {MLP} | 2 [1] | 81.00 ± 1.41 [1] |"],
    ),
    "a row of which every run failed": Case(
        lambda place: [*spiral(place, [80]), unfinished(place / "seed-0-x", mlp(version="bregman"), BAD)],
        [f"| {BREGMAN_MLP} | 0 of 1, 1 failed [1] | — [1] |", "(failed: ArithmeticError: loss is nan; "],
    ),
    "rows without figures have names of their own": Case(
        of_other_rates,
        ["| resnet20 (tanh), optim.lr 0.1 | 0 of 1 ", "| resnet20 (tanh), optim.lr 0.2 | 0 of 1 "],
    ),
    "open runs of other data": Case(
        lambda place: [
            *spiral(place, [80]),
            unfinished(place / "seed-0-x", {"dataset": {"name": "cifar10"}}),
        ],
        [f"| {MLP} | 1 | 80.00 |", "\n\nnot complete: seed 0 (running or interrupted; {place}/seed-0-x)"],
    ),
    "doubtful numbers": Case(
        doubtful,
        [  # a constant classifier is so on clean data too
            "| 4 | 80.00 ± 0.00 degenerate [2] | 40.00 ± 0.00 (n=3) UNRELIABLE degenerate [1, 2] |",
            "seed 1 (pgd-linf-0.0028; {place}/s1), seed 3 (pgd-linf-0.0028 (not reported); {place}/s3)",
            "a constant classifier: resnet20 (gelu), seed 2 (clean, pgd-linf-0.0028; {place}/s2)",
        ],
    ),
    "seeds without an attack": Case(
        lambda place: [run(place / f"s{i}", 80, [entry(40)] * (i < 2), seed=i) for i in range(3)],
        ["| 40.00 ± 0.00 (n=2) [1] |", "[1] resnet20 (gelu): seed 2 not evaluated with pgd-linf-0.0028"],
    ),
    "a seed that is there twice, one of them by two paths": Case(
        lambda place: [
            *(run(place / name, clean) for name, clean in (("a", 80), ("b", 90))),
            RunFolder(place / "c" / ".." / "a"),
        ],
        [f"{RESNET20}80.00 |", "there twice, counted once: {place}/b\n"],
    ),
}


def failed_evaluation(folder: RunFolder) -> RunFolder:
    folder.evaluation("curve-1").fail(BAD)
    return folder


@pytest.mark.parametrize("name", CASES)
def test_a_table_says(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    text = page(case.runs(tmp_path), **case.asked)
    for sentence in case.says:
        assert sentence.replace("{place}", str(tmp_path)) in text


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


@pytest.mark.parametrize(
    ("shape", "beside"),
    [
        ({}, "0.984"),
        ({"init": "deterministic"}, "0.979"),
        ({"depth": 100, "epochs": 200}, "0.981"),
        ({"depth": 100}, "0.964"),
        ({"depth": 5}, ""),
        ({"epochs": 5}, ""),
        (None, ""),
    ],
)
def test_two_spiral_figures_are_of_depth_start_and_epochs(
    tmp_path: Path, shape: dict[str, Any] | None, beside: str
) -> None:
    config = None if shape is None else mlp(version="bregman", **shape)
    runs = [run(tmp_path, 80, config=config, dataset=SPIRAL, model="bregman_mlp", act="atan")]
    assert cells(runs)[0]["published_mean"] == beside


def test_published_figures_are_there_once() -> None:
    figures = published()
    assert len(figures) == 3 * 5 + 20
    assert not figures.duplicated(["measure", "model", "act", "data", "where"]).any()


@pytest.mark.parametrize(
    ("runs", "asked", "message"),
    [
        (
            lambda place: [unfinished(place / "a", {}), unfinished(place / "b", {}, BAD)],
            {},
            r"^none of 2 runs is complete \(1 failed\); train or finish one first\.$",
        ),
        (lambda place: [run(place, 80)], {"weights": "best"}, "no complete run has figures of its best weig"),
        (
            lambda place: row(place, [80], *paper(40, 50)),
            {"attacks": ("pgd", "square")},
            r"id starts with 'square'; there are: fgsm-linf-0.0047, pgd-l2-0.08, pgd-linf-0.0028\.$",
        ),
    ],
)
def test_what_cannot_be_tabulated_is_refused(
    tmp_path: Path, runs: Callable[[Path], list[RunFolder]], asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        tables(runs(tmp_path), **asked)


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    own = run(tmp_path, 80)
    own.metrics.write_text("[]")
    with pytest.raises(NotARunError, match="is no record of a run"):
        tables([own])
