"""The difference to the baseline, with intervals computed by hand."""

from pathlib import Path

import pytest

from bregman_exp.analysis.intervals import newcombe_interval
from bregman_exp.runs import RunFolder
from tests.analysis.table_runs import cells, entry, page, pages, row, run, spiral, tables

STANDARD, BREGMAN = "resnet20 (gelu)", "bregman_resnet20 (asinh)"
RANDOM, BETTER = "mlp (atan), depth 3, random start", "mlp (atan), depth 3, identity start"
BREGMAN_MLP = "bregman_mlp (atan), depth 3, random start"


def bregman(place: Path, accuracies: list[int], *robust: dict) -> list[RunFolder]:
    return row(place, accuracies, *robust, model="bregman_resnet20", act="asinh")


def line(runs: list[RunFolder], name: str = BREGMAN) -> str:
    """The row's line in Markdown."""
    return next(text for text in page(runs).split("\n") if text.startswith(f"| {name} "))


def interval(cell: dict[str, str]) -> list[float]:
    return [float(cell["ci95_low"]), float(cell["ci95_high"])]


def test_what_is_said_of_either_number_is_said_of_the_difference(tmp_path: Path) -> None:
    standard = [run(tmp_path / "s", 60, [entry(30)])]
    standard += [run(tmp_path / "s1", 60, [entry(30, verdict="unreliable")], seed=1)]
    runs = [*standard, *bregman(tmp_path, [70, 72], entry(40))]
    assert line(runs).endswith("| 40.00 ± 0.00 | +10.00 UNRELIABLE |")


def test_one_seed_each_is_compared_sample_by_sample(tmp_path: Path) -> None:
    runs = [*row(tmp_path, [60], entry(30)), *bregman(tmp_path, [70], entry(25))]
    clean, robust, *_ = cells(runs)
    # the first samples are the right ones: 60 both, 10 only the Bregman network
    assert float(clean["difference"]) == pytest.approx(0.1)
    assert interval(clean) == pytest.approx(newcombe_interval(60, 10, 0, n=100))
    assert interval(robust) == pytest.approx(newcombe_interval(25, 0, 5, n=100))
    assert clean["interval"] == robust["interval"] == "paired"
    assert "[1] one seed each: the interval is over the test samples" in page(runs)
    runs[1].predictions.unlink()
    assert line(runs) == f"| {BREGMAN} | 1 | 70.00 [1] | +10.00 | 25.00 [1] | -5.00 |"
    assert "is missing or damaged; without it there is no test" in page(runs)


@pytest.fixture
def spirals(tmp_path: Path) -> list[RunFolder]:
    """Two standard rows, of which the one with the deterministic start is better, and a Bregman row."""
    kinds = (("random", "standard", [50, 52]), ("deterministic", "standard", [90, 92]))
    kinds += (("random", "bregman", [97, 99]),)
    return [
        folder
        for init, version, accuracies in kinds
        for folder in spiral(tmp_path, accuracies, init=init, version=version)
    ]


@pytest.mark.parametrize(
    ("asked", "baseline"),
    [
        (None, BETTER),
        (RANDOM, RANDOM),
        (RANDOM[:-5], RANDOM),
        ("randomstandard", RANDOM),
        ("bregman_mlp", BREGMAN_MLP),
        ("none", ""),
    ],
)
def test_the_baseline_by_default_by_name_by_hash_or_by_model(
    spirals: list[RunFolder], asked: str | None, baseline: str
) -> None:
    assert {cell["baseline"] for cell in cells(spirals, baseline=asked)} == {baseline}
    text = page(spirals, baseline=asked)
    assert (f"row − {baseline}" in text) == (baseline != "")
    assert ("(the most accurate of 2 standard rows)" in text) == (asked is None)


def test_a_name_of_several_rows_or_of_none_is_no_baseline(spirals: list[RunFolder]) -> None:
    with pytest.raises(ValueError, match=r"'mlp' may be any of 'mlp .*identity .*', 'mlp .*random .*'; give"):
        tables(spirals, baseline="mlp")
    with pytest.raises(ValueError, match="no row is --baseline 'vgg'; there are 'bregman_mlp"):
        tables(spirals, baseline="vgg")


def test_twins_differ_in_their_version_alone(spirals: list[RunFolder]) -> None:
    compared = {
        cell["row"]: (cell["baseline"], cell["difference"]) for cell in cells(spirals, baseline="twin")
    }
    difference = compared[BREGMAN_MLP][1]
    assert float(difference) == pytest.approx(0.47)
    assert compared == {BREGMAN_MLP: (RANDOM, difference), BETTER: ("", ""), RANDOM: (RANDOM, "")}
    text = page(spirals, baseline="twin")
    assert "row − its twin, the standard row with all else the same" in text
    assert "no row here has a twin" in page(spirals[:4], baseline="twin")


def test_a_split_table_without_the_baseline_says_so(spirals: list[RunFolder], tmp_path: Path) -> None:
    runs = [*spirals, *row(tmp_path, [60]), *bregman(tmp_path, [61])]
    points, images = pages(runs, baseline="resnet20", one=False)
    assert "no row here is the baseline resnet20" in points
    assert "row − resnet20 (gelu)" in images
