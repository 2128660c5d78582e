"""The difference to the baseline, with intervals computed by hand."""

from math import sqrt
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from bregman_exp.analysis.intervals import newcombe_interval
from bregman_exp.analysis.table import Options, Table
from bregman_exp.runs import RunFolder
from tests.analysis.table_runs import SPIRAL, all_notes, cells, entry, mlp, row, run, table, tables

BREGMAN = "bregman_resnet20"


FACTS = ("difference", "ci95_low", "ci95_high", "interval", "difference_marks")


def differences(one: Table, name: str) -> list[Any]:
    """(difference, interval, by, marks) of each column; None where there is no difference."""
    given = [[cell[fact] for fact in FACTS] for cell in cells(one, name)]
    return [None if value is None else (value, (low, high), *rest) for value, low, high, *rest in given]


def test_welch_over_seeds(tmp_path: Path) -> None:
    runs = [*row(tmp_path, [50, 60, 70]), *row(tmp_path, [70, 80, 90], BREGMAN, "tanh")]
    found = table(runs)
    assert found.baseline == "resnet20 (relu)"
    (difference,) = differences(found, "bregman_resnet20 (tanh)")
    # v = 0.1²/3 each: 4 degrees of freedom, t = 2.776445
    half = 2.776445 * sqrt(2 * 0.01 / 3)
    assert difference[0] == pytest.approx(0.2)
    assert difference[1] == pytest.approx((0.2 - half, 0.2 + half), abs=1e-6)
    assert difference[2] == "Welch"
    assert differences(found, "resnet20 (relu)") == [None]
    assert any(note.startswith("difference: row − resnet20 (relu), in points") for note in found.remarks)


def test_what_is_said_of_either_number_is_said_of_the_difference(tmp_path: Path) -> None:
    doubtful = [entry(30, verdict="unreliable")]
    standard = [*row(tmp_path, [60], robust=[entry(30)]), run(tmp_path / "s1", 60, doubtful, seed=1)]
    bregman = row(tmp_path, [70, 72], BREGMAN, "tanh", robust=[entry(40)])
    found = table([*standard, *bregman])
    clean, robust = differences(found, "bregman_resnet20 (tanh)")
    assert (clean[-1], robust[-1]) == ("", "UNRELIABLE")


def test_one_seed_each_is_compared_sample_by_sample(tmp_path: Path) -> None:
    standard = row(tmp_path, [60], robust=[entry(30)])
    bregman = row(tmp_path, [70], BREGMAN, "tanh", robust=[entry(25)])
    found = table([*standard, *bregman])
    clean, robust = differences(found, "bregman_resnet20 (tanh)")
    # the first samples are the right ones: 60 both, 10 only the Bregman network
    assert clean[0] == pytest.approx(0.1)
    assert clean[1] == pytest.approx(newcombe_interval(60, 10, 0, n=100))
    assert robust[1] == pytest.approx(newcombe_interval(25, 0, 5, n=100))
    assert clean[2] == robust[2] == "paired"
    assert "one seed each" in found.footnotes[cells(found)[0]["notes"][-1] - 1]


def test_no_interval_where_one_side_has_a_single_seed(tmp_path: Path) -> None:
    found = table([*row(tmp_path, [60, 70]), *row(tmp_path, [70], BREGMAN, "tanh")])
    (difference,) = differences(found, "bregman_resnet20 (tanh)")
    assert difference == (0.7 - mean([0.6, 0.7]), (None, None), "", "")
    assert "no interval where one of both has a single seed" in all_notes(found)


def test_no_interval_without_the_predictions(tmp_path: Path) -> None:
    runs = [*row(tmp_path, [60]), *row(tmp_path, [70], BREGMAN, "tanh")]
    runs[1].predictions.unlink()
    found = table(runs)
    (difference,) = differences(found, "bregman_resnet20 (tanh)")
    assert difference == (0.7 - 0.6, (None, None), "", "")
    assert any("is missing or damaged; without it there is no test" in note for note in found.footnotes)


def spirals(place: Path) -> list[RunFolder]:
    """Two standard rows, of which the one with the deterministic start is better, and a Bregman row."""
    kinds = (("random", "standard", (50, 52)), ("deterministic", "standard", (90, 92)))
    kinds += (("random", "bregman", (97, 99)),)
    return [
        run(
            place / f"{init}-{version}-{seed}",
            clean,
            seed=seed,
            config=mlp(init=init, version=version),
            model="bregman_mlp" if version == "bregman" else "mlp",
            act="atan",
            row_hash=init + version,
            dataset=SPIRAL,
            train={"epochs": 500},
        )
        for init, version, accuracies in kinds
        for seed, clean in enumerate(accuracies)
    ]


def test_of_several_standard_rows_the_most_accurate_is_the_baseline(tmp_path: Path) -> None:
    found = table(spirals(tmp_path))
    assert found.baseline == "mlp (atan), depth 3, deterministic"
    assert "(the most accurate of 2 standard rows)" in all_notes(found)


@pytest.mark.parametrize("asked", ["mlp (atan), depth 3, random", "mlp (atan), depth 3, r", "randomstandard"])
def test_a_baseline_by_name_or_hash(tmp_path: Path, asked: str) -> None:
    assert table(spirals(tmp_path), baseline=asked).baseline == "mlp (atan), depth 3, random"


def test_a_baseline_by_model(tmp_path: Path) -> None:
    assert table(spirals(tmp_path), baseline="bregman_mlp").baseline == "bregman_mlp (atan), depth 3, random"
    with pytest.raises(ValueError, match=r"'mlp' may be any of 'mlp .*deterministic', 'mlp .*random'; give"):
        table(spirals(tmp_path), baseline="mlp")
    with pytest.raises(ValueError, match="no row is --baseline 'vgg'; there are 'bregman_mlp"):
        table(spirals(tmp_path), baseline="vgg")


def test_twins_differ_in_their_version_alone(tmp_path: Path) -> None:
    found = table(spirals(tmp_path), baseline="twin")
    assert {cell["row"]: cell["baseline"] for cell in cells(found)} == {
        "bregman_mlp (atan), depth 3, random": "mlp (atan), depth 3, random",
        "mlp (atan), depth 3, deterministic": "",  # nobody's twin
        "mlp (atan), depth 3, random": "mlp (atan), depth 3, random",
    }
    (difference,) = differences(found, "bregman_mlp (atan), depth 3, random")
    assert difference[0] == pytest.approx(0.47)
    assert differences(found, "mlp (atan), depth 3, deterministic") == [None]
    assert any("row − its twin, the standard row with all else the same" in note for note in found.remarks)
    alone = table(spirals(tmp_path / "more")[:4], baseline="twin")
    assert "no row here has a twin, a standard row with all else the same" in alone.remarks


def test_without_a_baseline(tmp_path: Path) -> None:
    found = table(spirals(tmp_path), baseline="none")
    assert found.baseline == ""
    assert all(cell["difference"] is None for cell in cells(found))
    assert table(row(tmp_path, [60, 70])).baseline == ""  # alone there is nothing to compare


def test_a_split_table_without_the_baseline_says_so(tmp_path: Path) -> None:
    runs = [*spirals(tmp_path), *row(tmp_path, [60]), *row(tmp_path, [61], BREGMAN, "atan")]
    named = tables(runs, Options(baseline="resnet20", split=True))
    assert {cells(one)[0]["data"]: one.baseline for one in named} == {
        "CIFAR-10": "resnet20 (relu)",
        "two-spiral": "",
    }
    points = next(one for one in named if cells(one)[0]["data"] == "two-spiral")
    assert "no row here is the baseline resnet20" in points.remarks
