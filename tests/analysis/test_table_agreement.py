"""What may not share a table: each refusal names what differs and which runs, or the table is split."""

from pathlib import Path
from typing import Any

import pytest

from bregman_exp.analysis.table import Options
from bregman_exp.runs import RunFolder
from tests.analysis.table_runs import (
    COMMIT,
    LINF,
    OTHER,
    SPIRAL,
    all_notes,
    cells,
    entry,
    mlp,
    paper,
    record,
    row,
    run,
    shown,
    table,
    tables,
    write,
)

DIFFERENT: dict[str, tuple[dict[str, Any], str]] = {
    "data": ({"dataset": SPIRAL}, "data: CIFAR-10 ffffffff ({a}) and two-spiral 55555555 ({b})"),
    "fingerprint": (
        {"dataset": {"label": "CIFAR-10", "fingerprint": "f" * 63 + "0"}},
        f"data: ('CIFAR-10', '{'f' * 64}') ({{a}}) and ('CIFAR-10', '{'f' * 63}0') ({{b}})",
    ),
    "epochs": ({"train": {"epochs": 5}}, "epochs: 182 ({a}) and 5 ({b})"),
    "commit": ({"environment": {"git": OTHER}}, "code version: aaaaaaa ({a}) and bbbbbbb ({b})"),
    "dirty": (
        {"environment": {"git": COMMIT + "-dirty"}},
        "code version: aaaaaaa ({a}) and aaaaaaa-dirty ({b})",
    ),
    "close commit": (
        {"environment": {"git": "a" * 39 + "0"}},
        f"code version: {COMMIT} ({{a}}) and {'a' * 39}0 ({{b}})",
    ),
    "samples": (
        {"n": 50, "robust": paper(20, 25, n=50)},
        "clean: n 100 ({a}) and n 50 ({b}); pgd-linf-0.0028: n 100 ({a}) and n 50 ({b})",
    ),
    "settings": (
        {"robust": [entry(40, steps=100, loss="margin"), entry(50, "pgd-l2-0.08")]},
        "pgd-linf-0.0028: steps 50, loss ce ({a}) and steps 100, loss margin ({b})",
    ),
    "size of one id": (
        {"robust": [entry(40, eps=LINF + 1e-6), entry(50, "pgd-l2-0.08")]},
        "ε of pgd in linf: 0.002784 ({a}) and 0.002785 ({b})",
    ),
    "size": (
        {"robust": [entry(40, "pgd-linf-0.031"), entry(50, "pgd-l2-0.08")]},
        "ε of pgd in linf: 0.002784 ({a}) and 0.031 ({b})",
    ),
}


def pair(place: Path, change: dict[str, Any]) -> list[RunFolder]:
    return [
        run(place / "a", 40, paper(40, 50)),
        run(
            place / "b", 45, **{"robust": paper(45, 55), "model": "bregman_resnet20", "act": "atan", **change}
        ),
    ]


@pytest.mark.parametrize("which", DIFFERENT)
def test_a_refusal_says_what_differs_and_where(tmp_path: Path, which: str) -> None:
    change, said = DIFFERENT[which]
    runs = pair(tmp_path, change)
    with pytest.raises(ValueError, match="these runs do not share a table") as told:
        tables(runs)
    message = str(told.value)
    assert said.format(a=runs[0].path, b=runs[1].path) in message
    assert "--split" in message
    assert ("--any-version" in message) == ("code" in message)
    assert "\n" not in message


@pytest.mark.parametrize("which", DIFFERENT)
def test_each_refusal_can_be_split(tmp_path: Path, which: str) -> None:
    found = tables(pair(tmp_path, DIFFERENT[which][0]), Options(split=True))
    assert [list(shown(one)) for one in found] == [
        ["resnet20 (relu)"],
        ["bregman_resnet20 (atan)"],
    ]


def test_seeds_of_one_row_are_held_to_the_same(tmp_path: Path) -> None:
    runs = row(tmp_path, [80], robust=paper(40, 50))
    runs.append(run(tmp_path / "later", 90, paper(41, 51), seed=1, environment={"git": OTHER}))
    with pytest.raises(ValueError, match="code version: aaaaaaa"):
        tables(runs)
    assert [shown(one)["resnet20 (relu)"][0] for one in tables(runs, Options(split=True))] == [
        "80.00",
        "90.00",
    ]


def test_any_version_mixes_and_says_so(tmp_path: Path) -> None:
    runs = row(tmp_path, [80], robust=paper(40, 50))
    runs.append(run(tmp_path / "x", 90, paper(42, 52), seed=1, environment={"git": OTHER + "-dirty"}))
    found = table(runs, any_version=True)
    assert shown(found)["resnet20 (relu)"][:2] == ["85.00 ± 7.07", "41.00 ± 1.41"]
    assert "code versions mixed (--any-version) aaaaaaa, bbbbbbb-dirty" in found.caption
    assert "bbbbbbb-dirty: with changes that no commit holds" in all_notes(found)
    with pytest.raises(ValueError, match="epochs"):  # it is of code alone
        tables([*runs, run(tmp_path / "y", 90, seed=2, train={"epochs": 3})], Options(any_version=True))


def test_evaluations_with_other_code_are_a_difference_of_their_column(tmp_path: Path) -> None:
    runs = row(tmp_path, [80, 90])
    for folder, git in zip(runs, (COMMIT, OTHER), strict=True):
        write(folder.evaluation("paper-1"), record(80, paper(40, 50), environment={"git": git}))
    with pytest.raises(ValueError, match=rf"pgd-linf-0\.0028: code {COMMIT} .* and code {OTHER}") as told:
        tables(runs)
    assert "--any-version" in str(told.value)
    assert shown(table(runs, any_version=True))["resnet20 (relu)"][1] == "40.00 ± 0.00"
    write(runs[0].evaluation("paper-2"), record(80, paper(39, 49), environment={"git": OTHER}))
    assert shown(table(runs))["resnet20 (relu)"][1] == "39.50 ± 0.71"  # what both have: by the other code


def test_who_lacks_an_attack_does_not_object(tmp_path: Path) -> None:
    runs = [*pair(tmp_path, {"robust": []}), run(tmp_path / "c", 50, [entry(30, steps=9)], act="tanh")]
    with pytest.raises(ValueError, match=r"steps 50 .* and steps 9"):
        tables(runs)
    found = tables(runs, Options(split=True))
    assert [len(shown(one)) for one in found] == [2, 1]


def test_early_stopping_may_end_where_it_will(tmp_path: Path) -> None:
    config = mlp() | {"trainer": {"max_epochs": 500, "patience": 9}}
    runs = [
        run(tmp_path / str(seed), 80, config=config, seed=seed, dataset=SPIRAL, train={"epochs": epochs})
        for seed, epochs in enumerate((17, 23))
    ]
    found = table(runs)
    assert cells(found)[0]["epochs"] == "17–23"
    assert "17–23 (at most 500) epochs" in found.caption


def test_many_runs_are_counted_not_listed(tmp_path: Path) -> None:
    runs = [*row(tmp_path, [80] * 6), run(tmp_path / "x", 80, seed=9, train={"epochs": 1})]
    with pytest.raises(ValueError, match=r"182 \([^)]*seed-0-x, [^)]*seed-2-x and 3 more\) and 1 \("):
        tables(runs)


def test_an_attack_that_nobody_has(tmp_path: Path) -> None:
    runs = row(tmp_path, [80], robust=paper(40, 50))
    with pytest.raises(ValueError, match=r"id starts with 'square'; there are: .*pgd"):
        tables(runs, Options(attacks=("pgd", "square")))


def test_missing_seeds_and_open_runs_go_with_their_table(tmp_path: Path) -> None:
    spiral = {"dataset": SPIRAL, "train": {"epochs": 500}, "config": mlp(), "model": "mlp", "act": "atan"}
    runs = [*row(tmp_path, [80]), *row(tmp_path, [80, 81], **spiral)]
    (tmp_path / "o" / "seed-2-x").mkdir(parents=True)
    lost = RunFolder(tmp_path / "o" / "seed-2-x")
    lost.begin((runs[-1].path / "config.yaml").read_text().replace("seed: 1", "seed: 2"))
    images, points = tables([*runs, lost], Options(split=True))
    assert images.footnotes == []
    assert "seed 2 (running or interrupted" in points.footnotes[0]
