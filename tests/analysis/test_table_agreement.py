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
    cells,
    entry,
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
LATER, DIRTY, CLOSE = ({"environment": {"git": git}} for git in (OTHER, COMMIT + "-dirty", "a" * 39 + "0"))
DIFFERENT: list[tuple[dict[str, Any], str]] = [  # of the second of two runs, and in what {a} and {b} differ
    ({"dataset": SPIRAL}, "data: CIFAR-10 ffffffff ({a}) and two-spiral 55555555 ({b})"),
    (
        {"dataset": {"label": "CIFAR-10", "fingerprint": f"{F}0"}},
        f"data: ('CIFAR-10', '{F}f') ({{a}}) and ('CIFAR-10', '{F}0') ({{b}})",
    ),
    ({"train": {"epochs": 5}}, "epochs: 182 ({a}) and 5 ({b})"),
    (LATER, "code version: aaaaaaa ({a}) and bbbbbbb ({b})"),
    (DIRTY, "code version: aaaaaaa ({a}) and aaaaaaa-dirty ({b})"),
    (CLOSE, f"code version: {COMMIT} ({{a}}) and {'a' * 39}0 ({{b}})"),
    (
        {"n": 50, "robust": paper(20, 25, n=50)},
        "clean: n 100 ({a}) and n 50 ({b}); pgd-linf-0.0028: n 100 ({a}) and n 50 ({b})",
    ),
    (
        {"robust": [entry(40, steps=100, loss="margin"), L2]},
        "pgd-linf-0.0028: steps 50, loss ce ({a}) and steps 100, loss margin ({b})",
    ),
    ({"robust": [entry(40, eps=LINF + 1e-6), L2]}, "ε of pgd in linf: 0.002784 ({a}) and 0.002785 ({b})"),
    ({"robust": [entry(40, "pgd-linf-0.031"), L2]}, "ε of pgd in linf: 0.002784 ({a}) and 0.031 ({b})"),
]


def pair(place: Path, change: dict[str, Any]) -> list[RunFolder]:
    other = {"robust": paper(45, 55), "model": "bregman_resnet20", "act": "atan", **change}
    return [run(place / "a", 40, paper(40, 50)), run(place / "b", 45, **other)]


@pytest.mark.parametrize(("change", "difference"), DIFFERENT)
def test_a_refusal_says_what_differs_and_where_or_the_table_is_split(
    tmp_path: Path, change: dict[str, Any], difference: str
) -> None:
    runs = pair(tmp_path, change)
    advice = "; give runs that agree, or leave out --one for a table of each"
    advice += ", or --any-version to mix code versions." if "code" in difference else "."
    with pytest.raises(ValueError, match=r"^these runs do not share a table, they differ in ") as refusal:
        tables(runs)
    message = str(refusal.value)
    assert difference.format(a=runs[0].path, b=runs[1].path) in message
    assert message.endswith(advice)
    first, second = pages(runs, one=False)
    assert "| resnet20 (gelu) | 1 | 40.00 |" in first
    assert "| bregman_resnet20 (atan) | 1 |" in second


def test_seeds_of_one_row_are_held_to_the_same_and_code_versions_may_be_mixed(tmp_path: Path) -> None:
    runs = row(tmp_path, [80], *paper(40, 50))
    runs += [run(tmp_path / "x", 90, paper(42, 52), seed=1, environment={"git": OTHER + "-dirty"})]
    with pytest.raises(ValueError, match="code version: aaaaaaa"):
        tables(runs)
    assert [text.count("| 1 | 80.00 |") for text in pages(runs, one=False)] == [1, 0]
    text = page(runs, any_version=True)
    assert "| 85.00 ± 7.07 | 41.00 ± 1.41 |" in text
    assert "code versions mixed (--any-version) aaaaaaa, bbbbbbb-dirty" in text
    assert "bbbbbbb-dirty: with changes that no commit holds" in text
    with pytest.raises(ValueError, match="epochs"):  # it is of code alone
        tables([*runs, run(tmp_path / "y", 90, seed=2, train={"epochs": 3})], any_version=True)


def test_evaluations_with_other_code_are_a_difference_of_their_column(tmp_path: Path) -> None:
    runs = row(tmp_path, [80, 90])
    for folder, git in zip(runs, (COMMIT, OTHER), strict=True):
        added(folder, "paper-1", 80, paper(40, 50), environment={"git": git})
    message = rf"pgd-linf-0\.0028: code {COMMIT} .* and code {OTHER} .* or --any-version"
    with pytest.raises(ValueError, match=message):
        tables(runs)
    assert "| 85.00 ± 7.07 | 40.00 ± 0.00 |" in page(runs, any_version=True)
    added(runs[0], "paper-2", 80, paper(39, 49), environment={"git": OTHER})
    assert "| 85.00 ± 7.07 | 39.50 ± 0.71 |" in page(runs)  # what both have: by the other code


def test_runs_without_an_attack_do_not_conflict(tmp_path: Path) -> None:
    runs = [*pair(tmp_path, {"robust": []}), run(tmp_path / "c", 50, [entry(30, steps=9)], act="tanh")]
    with pytest.raises(ValueError, match=r"steps 50 .* and steps 9"):
        tables(runs)
    assert [text.count(" | 1") for text in pages(runs, one=False, baseline="none")] == [2, 1]


def test_early_stopping_may_end_at_any_epoch(tmp_path: Path) -> None:
    config = mlp() | {"trainer": {"max_epochs": 500, "patience": 9}}
    runs = [
        run(tmp_path / str(seed), 80, config=config, seed=seed, dataset=SPIRAL, train={"epochs": epochs})
        for seed, epochs in enumerate((17, 23))
    ]
    assert cells(runs)[0]["epochs"] == "17–23"
    assert "17–23 (at most 500) epochs" in page(runs)


def test_many_runs_are_counted_not_listed(tmp_path: Path) -> None:
    runs = [*row(tmp_path, [80] * 6), run(tmp_path / "x", 80, seed=9, train={"epochs": 1})]
    with pytest.raises(ValueError, match=r"182 \([^)]*seed-0-x, [^)]*seed-2-x and 3 more\) and 1 \("):
        tables(runs)


def test_open_runs_go_with_their_table(tmp_path: Path) -> None:
    runs = [*row(tmp_path, [80]), *spiral(tmp_path, [80, 81])]
    images, points = pages([*runs, unfinished(tmp_path / "seed-2-x", mlp())], one=False)
    assert "seed 2" not in images
    assert "[1] mlp (atan), depth 3, random start: not complete: seed 2 (running or interrupted" in points
