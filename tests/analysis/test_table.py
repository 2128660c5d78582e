"""The table: rows over seeds, columns, evaluations, published figures, and what is missing or doubtful."""

import json
from pathlib import Path

import pytest
import yaml

from bregman_exp.analysis.published import published
from bregman_exp.analysis.table import Options
from bregman_exp.runs import NotARunError, RunFolder
from tests.analysis.table_runs import (
    OTHER,
    SPIRAL,
    all_notes,
    cells,
    columns,
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

BREGMAN, BREGMAN_MLP = "bregman_resnet20", "bregman_mlp (atan), depth 3, random"


def test_a_cell_is_mean_and_sample_deviation_over_seeds(tmp_path: Path) -> None:
    found = table(row(tmp_path, [80, 90, 70], robust=paper(40, 50)))
    assert shown(found) == {"resnet20 (relu)": ["80.00 ± 10.00", "40.00 ± 0.00", "50.00 ± 0.00"]}
    cell = cells(found)[0]
    assert (cell["seeds"], cell["missing"], cell["values"]) == ((0, 1, 2), [], "0:0.8 1:0.9 2:0.7")
    assert (cell["mean"], cell["std"]) == (pytest.approx(0.8), pytest.approx(0.1))


def test_runs_that_differ_in_more_than_the_seed_are_other_rows(tmp_path: Path) -> None:
    changes: list[dict] = [
        {},
        {"row_hash": "other"},
        {"act": "tanh"},
        {"model": BREGMAN},
        {"weights": "best"},
    ]
    runs = [run(tmp_path / str(i), 80 + i, **change) for i, change in enumerate(changes)]
    found = table(runs)
    assert sorted(cell["mean"] for cell in cells(found)) == [0.8, 0.81, 0.82, 0.83, 0.84]
    assert len(shown(found)) == 5


def test_the_papers_columns_are_its_pgd_entries(tmp_path: Path) -> None:
    found = table(row(tmp_path, [80], robust=paper(40, 50)))
    assert columns(found) == ["test accuracy", "ℓ∞-robust", "ℓ2-robust"]
    assert "not shown (--attack ID): fgsm-linf-0.0047" in found.remarks
    assert shown(table(row(tmp_path, [80], robust=paper(40, 50)), attacks=("fgsm",)))["resnet20 (relu)"] == [
        "80.00",
        "50.00",
    ]


def test_columns_of_other_suites_are_all_entries_by_norm(tmp_path: Path) -> None:
    robust = [entry(9, "pgd-l2-0.5"), entry(8, "pgd-linf-0.1"), entry(7, "pgd-linf-0.2")]
    found = table(row(tmp_path, [80], robust=robust, suite="curve"))
    assert columns(found, "id") == ["clean", "pgd-linf-0.1", "pgd-linf-0.2", "pgd-l2-0.5"]
    assert columns(found)[1:] == ["pgd-linf-0.1", "pgd-linf-0.2", "ℓ2-robust"]


def test_a_record_without_its_suite_takes_it_from_the_config(tmp_path: Path) -> None:
    old = run(tmp_path / "seed-0", 80, paper(40, 50), config={"attack": {"name": "paper"}})
    content = record(80, paper(40, 50))
    del content["suite"]
    assert columns(table([write(old, content)]), "id")[1:] == ["pgd-linf-0.0028", "pgd-l2-0.08"]


def test_evaluations_count_and_equal_entries_once(tmp_path: Path) -> None:
    (own,) = row(tmp_path, [80], robust=paper(40, 50))
    later = [*paper(39, 49), entry(30, "autoattack-linf-0.0028")]  # of equal settings: the run's own stay
    write(own.evaluation("paper-1"), record(80, later))
    assert shown(table([own]))["resnet20 (relu)"] == ["80.00", "40.00", "50.00"]
    assert shown(table([own], attacks=("autoattack",)))["resnet20 (relu)"] == ["80.00", "30.00"]


def test_an_evaluation_may_be_of_later_code_if_the_whole_column_is(tmp_path: Path) -> None:
    runs = row(tmp_path, [80, 90])
    for folder in runs:
        later = record(80, [entry(30)], environment={"git": OTHER}, suite="suite")
        write(folder.evaluation("suite-1"), later)
    found = table(runs)
    assert shown(found)["resnet20 (relu)"] == ["85.00 ± 7.07", "30.00 ± 0.00"]
    assert f"code {OTHER[:7]}" in found.caption


def test_evaluations_of_fewer_samples_do_not_mix_in(tmp_path: Path) -> None:
    (own,) = row(tmp_path, [80], robust=paper(40, 50))
    few = [entry(3, n=10), entry(2, "autoattack-linf-0.0028", n=10)]
    write(own.evaluation("paper-1"), record(9, few, n=10))
    found = table([own])
    assert shown(found)["resnet20 (relu)"] == ["80.00", "40.00", "50.00"]
    assert "pgd-linf-0.0028, n = 10" in all_notes(found)
    last = cells(table([own], attacks=("auto",)))[-1]
    assert (last["id"], last["n"]) == ("autoattack-linf-0.0028", 10)


def test_several_settings_of_one_attack_are_columns_where_all_have_them(tmp_path: Path) -> None:
    runs = row(tmp_path, [80, 90], robust=[entry(40)])
    for folder in runs:
        write(folder.evaluation("long-1"), record(80, [entry(30, steps=500)]))
    found = table(runs, attacks=("pgd",))
    assert columns(found)[1:] == [
        "pgd-linf-0.0028 (steps 50)",
        "pgd-linf-0.0028 (steps 500)",
    ]
    assert shown(found)["resnet20 (relu)"][1:] == ["40.00 ± 0.00", "30.00 ± 0.00"]


def test_evaluations_of_other_weights_are_told_and_can_be_asked_for(tmp_path: Path) -> None:
    (own,) = row(tmp_path, [80], robust=paper(40, 50))
    write(own.evaluation("paper-1"), record(85, paper(45, 55), weights="best"))
    found = table([own])
    assert shown(found)["resnet20 (relu)"] == ["80.00", "40.00", "50.00"]
    assert "1 of its evaluations are of other weights" in all_notes(found)
    best = table([own], weights="best")
    assert shown(best)["resnet20 (relu)"] == ["85.00", "45.00", "55.00"]
    assert "best weights" in best.caption
    (bare,) = row(tmp_path / "bare", [80])
    with pytest.raises(ValueError, match="no complete run has figures of its best weights"):
        table([bare], weights="best")


def test_rows_of_one_name_are_told_apart_by_what_differs(tmp_path: Path) -> None:
    runs = [
        run(tmp_path / str(i), 80, config={"optim": {"lr": lr}, "model": {"clamp": clamp}}, row_hash=f"{i}")
        for i, (lr, clamp) in enumerate(((0.1, 2e-5), (0.2, 2e-5), (0.1, None)))
    ]
    assert list(shown(table(runs))) == [
        "resnet20 (relu), model.clamp 2e-05, optim.lr 0.1",
        "resnet20 (relu), model.clamp 2e-05, optim.lr 0.2",
        "resnet20 (relu), model.clamp null, optim.lr 0.1",
    ]


def test_rows_that_nothing_tells_apart_are_called_by_their_hash(tmp_path: Path) -> None:
    runs = [run(tmp_path / hash_, 80, row_hash=hash_) for hash_ in ("abcd12", "abcd34")]
    assert list(shown(table(runs))) == [
        "resnet20 (relu), row abcd1",
        "resnet20 (relu), row abcd3",
    ]


def test_depths_are_sorted_as_numbers(tmp_path: Path) -> None:
    runs = [
        run(tmp_path / str(d), 80, config=mlp(depth=d), model="mlp", act="atan", row_hash=f"{d}")
        for d in (100, 3, 30)
    ]
    assert list(shown(table(runs))) == [f"mlp (atan), depth {d}, random" for d in (3, 30, 100)]


# ---- published figures ------------------------------------------------------------------------------------


def test_published_figures_stand_beside(tmp_path: Path) -> None:
    runs = row(tmp_path, [80], model=BREGMAN, act="softplus", robust=paper(40, 50))
    found = table(runs)
    beside = [(cell["published_mean"], cell["published_std"]) for cell in cells(found)]
    assert beside == [(0.9082, 0.0012), (0.4246, 0.0125), (0.5313, 0.0168)]
    assert "ICML 2022" in all_notes(found)
    assert "fitted to the published baseline" in found.caption
    assert "0.002784 (0.71/255)" in found.caption
    assert "(pgd-l2-0.08) 0.08 (20.4/255)" in found.caption


def test_no_published_figure_is_beside_another_attack_data_weights_or_clamp(tmp_path: Path) -> None:
    changes: list[dict] = [
        {"robust": [entry(40, "pgd-linf-0.031")]},
        {"dataset": {"label": "faces", "fingerprint": "1"}, "robust": paper(40, 50)},
        {"weights": "best", "robust": paper(40, 50)},
        {"config": {"model": {"clamp": None}}, "robust": paper(40, 50)},
        {"act": "gelu", "robust": paper(40, 50)},
    ]
    for number, change in enumerate(changes):
        found = table(row(tmp_path / str(number), [80], BREGMAN, **{"act": "atan", **change}))
        given = [cell["published_mean"] is not None for cell in cells(found)]
        assert given == ([True, False] if number == 0 else [False] * 3)


def test_a_copy_of_the_data_other_epochs_and_fewer_images_are_told(tmp_path: Path) -> None:
    copy = {"label": "CIFAR-10 (JPEG copy)", "fingerprint": "c", "n_train": 4000}
    found = table(row(tmp_path, [80], robust=paper(40, 50), dataset=copy, train={"epochs": 2}))
    assert "the published figures are of CIFAR-10, these runs of CIFAR-10 (JPEG copy)" in found.remarks
    assert "the reference's recipe trains 182 epochs, these runs 2" in found.remarks
    assert "the reference's recipe trains on 45,000 images, these runs on 4,000" in found.remarks


def test_two_spiral_figures_are_of_depth_start_and_epochs(tmp_path: Path) -> None:
    def beside(config: dict | None) -> float | None:
        runs = row(
            tmp_path / str(hash(str(config))), [80], "bregman_mlp", "atan", config=config, dataset=SPIRAL
        )
        return cells(table(runs))[0]["published_mean"]

    assert beside(mlp(version="bregman")) == 0.984
    assert beside(mlp(version="bregman", init="deterministic")) == 0.979
    assert beside(mlp(version="bregman", depth=100, epochs=200)) == 0.981
    assert beside(mlp(version="bregman", depth=100)) == 0.964
    assert beside(mlp(version="bregman", depth=5)) is None
    assert beside(mlp(version="bregman", epochs=5)) is None
    assert beside(None) is None


def test_a_published_figure_with_a_remark_has_a_footnote(tmp_path: Path) -> None:
    config = mlp(depth=100, version="bregman")
    runs = row(tmp_path, [80], "bregman_mlp", "atan", config=config, dataset=SPIRAL, train={"epochs": 500})
    assert any("75.8" in note for note in table(runs).footnotes)


def test_published_figures_are_there_once() -> None:
    figures = published()
    assert len(figures) == 3 * 5 + 20
    assert not figures.duplicated(["measure", "model", "act", "data", "where"]).any()


# ---- what is missing, what is doubtful --------------------------------------------------------------------


def unfinished(
    path: Path, seed: int, config: dict, error: Exception | None = None, note: dict | None = None
) -> RunFolder:
    folder = RunFolder(path)
    folder.begin(yaml.safe_dump({"seed": seed, **config}), note)
    if error:
        folder.fail(error)
    return folder


def spiral(place: Path, seeds: int, **shape: object) -> list[RunFolder]:
    config = mlp(**shape)  # type: ignore[arg-type]
    model = "bregman_mlp" if config["model"]["version"] == "bregman" else "mlp"
    changes = {"dataset": SPIRAL, "train": {"epochs": 500}, "config": config}
    return row(place, [80 + seed for seed in range(seeds)], model, "atan", **changes)


def test_seeds_that_other_rows_have_are_missing(tmp_path: Path) -> None:
    runs = [*spiral(tmp_path, 4), *spiral(tmp_path, 2, version="bregman")]
    found = table(runs)
    bregman, standard = cells(found)
    assert (bregman["seeds"], bregman["missing"], standard["missing"]) == ((0, 1), [2, 3], [])
    (number,) = bregman["row_notes"]
    assert found.footnotes[number - 1] == (
        "bregman_mlp (atan), depth 3, random: no run of seeds 2, 3, which other rows have"
    )
    assert number in bregman["notes"]
    assert standard["row_notes"] == []


def test_failed_and_open_runs_are_named_at_their_row(tmp_path: Path) -> None:
    runs = spiral(tmp_path, 2)
    again = mlp() | {"dataset": {"name": "two_spiral", "noise": 1.0, "root": "elsewhere"}}
    note = {"row_hash": "mlp-atan", "model": "mlp", "act": "atan"}
    failed = unfinished(tmp_path / "f" / "seed-2-x", 2, again, ArithmeticError("loss is nan\nmore"), note)
    there = unfinished(tmp_path / "f" / "seed-3-x", 3, again, note=note)
    found = table([*runs, failed, there])
    (cell,) = cells(found)
    assert (cell["seeds"], cell["missing"], cell["failed"]) == ((0, 1), [2, 3], [2])
    (note,) = found.footnotes
    assert "not complete: seed 2" in note
    assert f"seed 2 (failed: ArithmeticError: loss is nan; {failed.path})" in note
    assert f"seed 3 (running or interrupted; {there.path})" in note
    assert cell["notes"] == [1]


def test_a_failed_seed_that_is_complete_elsewhere_is_not_failed(tmp_path: Path) -> None:
    failed = unfinished(tmp_path / "f" / "seed-1-x", 1, mlp(), ArithmeticError("bad"))
    (cell,) = cells(table([*spiral(tmp_path, 2), failed]))
    assert (cell["failed"], cell["missing"]) == ([], [])


def test_a_row_of_which_every_run_failed_is_still_there(tmp_path: Path) -> None:
    config = mlp(version="bregman")
    place = tmp_path / "bregman_mlp-atan-two_spiral" / "seed-0-x"
    found = table([*spiral(tmp_path, 1), unfinished(place, 0, config, ArithmeticError("bad"))])
    lost = cells(found)[-1]
    assert (lost["row"], lost["model"], lost["act"]) == (BREGMAN_MLP, "bregman_mlp", "atan")
    assert (lost["seeds"], lost["failed"]) == ((), [0])
    assert shown(found)[BREGMAN_MLP] == ["—"]
    assert "ArithmeticError: bad" in found.footnotes[lost["row_notes"][0] - 1]


def test_open_runs_of_other_data_are_told_apart(tmp_path: Path) -> None:
    other = unfinished(tmp_path / "o" / "seed-0-x", 0, {"dataset": {"name": "cifar10"}})
    found = table([*spiral(tmp_path, 1), other])
    assert len(shown(found)) == 1
    assert any(note.startswith("not complete: seed 0") for note in found.remarks)


def test_no_run_is_complete(tmp_path: Path) -> None:
    runs = [
        unfinished(tmp_path / "a", 0, {}),
        unfinished(tmp_path / "b", 1, {}, ArithmeticError("bad")),
    ]
    with pytest.raises(ValueError, match=r"none of 2 runs is complete \(1 failed\); train or finish"):
        tables(runs)


def test_doubtful_numbers_are_marked_and_their_runs_named(tmp_path: Path) -> None:
    verdicts = ("unchecked", "unreliable", "degenerate")
    runs = [
        run(tmp_path / f"s{seed}", 80, [entry(40, verdict=verdict)], seed=seed)
        for seed, verdict in enumerate(verdicts)
    ]
    runs.append(run(tmp_path / "s3", 80, [entry(None, verdict="unreliable")], seed=3))
    found = table(runs)
    (accuracies,) = shown(found).values()
    assert accuracies[1] == "40.00 ± 0.00 (n=3) UNRELIABLE degenerate"
    assert accuracies[0] == "80.00 ± 0.00 degenerate"  # a constant classifier is so on clean data too
    unreliable, degenerate = (
        next(note for note in found.footnotes if note.startswith(word)) for word in ("UNREL", "degen")
    )
    assert f"seed 1 (pgd-linf-0.0028; {runs[1].path})" in unreliable
    assert f"seed 3 (pgd-linf-0.0028 (not reported); {runs[3].path})" in unreliable
    assert f"seed 2 (clean, pgd-linf-0.0028; {runs[2].path})" in degenerate
    assert len(cells(found)[1]["notes"]) == 2


def test_seeds_without_an_attack_are_told(tmp_path: Path) -> None:
    runs = [run(tmp_path / f"s{seed}", 80, [entry(40)] * (seed < 2), seed=seed) for seed in range(3)]
    found = table(runs)
    assert shown(found)["resnet20 (relu)"][1] == "40.00 ± 0.00 (n=2)"
    assert "resnet20 (relu): seed 2 not evaluated with pgd-linf-0.0028" in found.footnotes


def test_a_run_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    runs = [run(tmp_path / name, clean) for name, clean in (("a", 80), ("b", 90))]
    found = table([*runs, RunFolder(tmp_path / "." / "a")])
    assert shown(found)["resnet20 (relu)"] == ["80.00"]
    assert f"there twice, counted once: {runs[1].path}" in found.remarks


def test_rows_without_figures_have_names_of_their_own(tmp_path: Path) -> None:
    runs = row(tmp_path, [80])
    for lr in (0.1, 0.2):
        folder = RunFolder(tmp_path / "resnet20-tanh" / f"seed-0-{lr}")
        dataset = {"name": "cifar10", "label": "CIFAR-10", "fingerprint": "f" * 64}
        note = {"row_hash": f"{lr}", "seed": 0, "model": "resnet20", "act": "tanh", "dataset": dataset}
        folder.begin(f"optim: {{lr: {lr}}}\ntrainer: {{max_epochs: 182}}\n", note)
        runs.append(folder)
    names = ["resnet20 (relu)", "resnet20 (tanh), optim.lr 0.1", "resnet20 (tanh), optim.lr 0.2"]
    assert list(shown(table(runs))) == names


def test_an_evaluation_that_is_not_complete_is_told(tmp_path: Path) -> None:
    (own,) = row(tmp_path, [80])
    own.evaluation("curve-1").fail(ArithmeticError("bad"))
    assert f"{own.path}: evaluation curve-1 is not complete" in table([own]).remarks


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clean": {"accuracy": 0.5}}, r"has no clean\.n"),
        ({"clean": {"accuracy": None, "n": 5}}, r"has no clean\.accuracy"),
        ({"clean": {"accuracy": 50.0, "n": 5}}, r"has clean accuracy 50\.0, not in \[0, 1\]"),
        ({"seed": "0"}, "has seed = '0'"),
        ({"robust": [{"id": "x", "accuracy": 0.5}]}, "has an attack without verdict"),
        ({"robust": [entry(1) | {"accuracy": float("nan")}]}, "accuracy nan"),
        ({"schema": 3}, "has schema 3 where this program reads 2"),
    ],
)
def test_damaged_records_are_told_in_a_sentence(tmp_path: Path, change: dict, said: str) -> None:
    (own,) = row(tmp_path, [80])
    own.metrics.write_text(json.dumps(record(80) | change))
    with pytest.raises(NotARunError, match=said):
        tables([own])
    own.metrics.write_text("[]")
    with pytest.raises(NotARunError, match="is no record of a run"):
        tables([own], Options())
