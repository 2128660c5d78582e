"""What may not share a table: each refusal names what differs and which runs, or the table is split."""

from pathlib import Path
from typing import Any

import pytest

from bregman_exp.runs import RunFolder
from tests.analysis.table_runs import (
    COMMIT,
    LINF,
    OTHER,
    SPIRAL,
    added,
    entry,
    expected,
    mlp,
    page,
    pages,
    paper,
    row,
    run,
    spiral,
    tables,
    unfinished,
)  # fmt: skip

F, L2 = "f" * 63, entry(50, "pgd-l2-0.08")
DIFFERENT: list[dict[str, Any]] = [  # of the second of two runs; refusals.txt says how
    {"dataset": SPIRAL},
    {"dataset": {"label": "CIFAR-10", "fingerprint": f"{F}0"}},
    {"train": {"epochs": 5}},
    *({"environment": {"git": git}} for git in (OTHER, COMMIT + "-dirty", "a" * 39 + "0")),
    {"n": 50, "robust": paper(20, 25, n=50)},
    {"robust": [entry(40, steps=100, loss="margin"), L2]},
    {"robust": [entry(40, eps=LINF + 1e-6), L2]},
    {"robust": [entry(40, "pgd-linf-0.031"), L2]},
]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def pair(place: str, change: dict[str, Any]) -> list[RunFolder]:
    other = {"robust": paper(45, 55), "model": "bregman_resnet20", "act": "atan", **change}
    return [run(Path(place) / "a", 40, paper(40, 50)), run(Path(place) / "b", 45, **other)]


def seeds_of_two_versions() -> list[RunFolder]:
    later = run(Path("x"), 90, paper(42, 52), seed=1, environment={"git": OTHER + "-dirty"})
    return [*row(Path(), [80], *paper(40, 50)), later]


def evaluated_by_two_versions() -> list[RunFolder]:
    runs = row(Path("evaluated"), [80, 90])
    for folder, git in zip(runs, (COMMIT, OTHER), strict=True):
        added(folder, "paper-1", 80, paper(40, 50), environment={"git": git})
    return runs


def test_a_refusal_says_what_differs_and_where_or_the_table_is_split() -> None:
    without = run(Path("without"), 50, [entry(30, steps=9)], act="tanh")
    many = run(Path("many"), 80, seed=9, train={"epochs": 1})
    refusals = []
    for runs in (
        *(pair(str(i), change) for i, change in enumerate(DIFFERENT)),
        *(seeds_of_two_versions(), evaluated_by_two_versions()),
        [*pair("pair", {"robust": []}), without],  # runs without an attack do not conflict
        [*row(Path(), [80] * 6), many],
    ):
        with pytest.raises(ValueError, match=r"^these runs do not share a table, they differ in ") as refusal:
            tables(runs)
        refusals.append(f"{refusal.value}\n")
        assert len(pages(runs, must_agree=False, baseline="none")) == 2
    assert "\n".join(refusals) == expected("refusals.txt")


def test_code_versions_may_be_mixed() -> None:
    runs = seeds_of_two_versions()
    assert page(runs, any_version=True) == expected("mixed.md")
    with pytest.raises(ValueError, match="epochs"):  # it is of code alone
        tables([*runs, run(Path("y"), 90, seed=2, train={"epochs": 3})], any_version=True)
    runs = evaluated_by_two_versions()
    assert "| 85.00 ± 7.07 | 40.00 ± 0.00 |" in page(runs, any_version=True)
    added(runs[0], "paper-2", 80, paper(39, 49), environment={"git": OTHER})
    assert "| 85.00 ± 7.07 | 39.50 ± 0.71 |" in page(runs)  # what both have: by the other code


def test_early_stopping_may_end_at_any_epoch() -> None:
    config = mlp() | {"trainer": {"max_epochs": 500, "patience": 9}}
    runs = [
        run(Path(str(epochs)), 80, config=config, seed=epochs, dataset=SPIRAL, train={"epochs": epochs})
        for epochs in (17, 23)
    ]
    assert "17–23 (at most 500) epochs" in page(runs)


def test_open_runs_go_with_their_table() -> None:
    runs = [*row(Path(), [80]), *spiral(Path(), [80, 81])]
    images, points = pages([*runs, unfinished(Path("seed-2-x"), mlp())], must_agree=False)
    assert "seed 2" not in images
    assert "[1] mlp (atan), depth 3, random start: not complete: seed 2 (running or interrupted" in points
