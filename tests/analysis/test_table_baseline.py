"""The difference to the baseline, with intervals computed by hand."""

from pathlib import Path

import pytest

from bregman_exp.analysis.intervals import newcombe_interval
from bregman_exp.runs import RunFolder
from tests.analysis.table_runs import cells, entry, expected, page, pages, row, run, spiral, tables

RANDOM, BETTER = "mlp (atan), depth 3, random start", "mlp (atan), depth 3, identity start"
BREGMAN = "bregman_mlp (atan), depth 3, random start"


def bregman(accuracies: list[int], *robust: dict) -> list[RunFolder]:
    return row(Path(), accuracies, *robust, model="bregman_resnet20", act="asinh")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_is_said_of_either_number_is_said_of_the_difference() -> None:
    standard = run(Path("s"), 60, [entry(30)]), run(Path("t"), 60, [entry(30, verdict="unreliable")], seed=1)
    text = page([*standard, *bregman([70, 72], entry(40))])
    assert "| 40.00 ± 0.00 | +10.00 UNRELIABLE |\n" in text


def test_one_seed_each_is_compared_sample_by_sample() -> None:
    runs = [*row(Path(), [60], entry(30)), *bregman([70], entry(25))]
    clean, robust, *_ = cells(runs)
    # the first samples are the right ones: 60 both, 10 only the Bregman network
    for cell, counts in ((clean, (60, 10, 0)), (robust, (25, 0, 5))):
        ends = [float(cell[name]) for name in ("ci95_low", "ci95_high")]
        assert ends == pytest.approx(newcombe_interval(*counts, n=100))
    assert page(runs) == expected("paired.md")
    runs[1].predictions.unlink()
    assert page(runs) == expected("paired-lost.md")


@pytest.fixture
def spirals() -> list[RunFolder]:
    """Two standard rows, of which the one with the deterministic start is better, and a Bregman row."""
    kinds = (("random", "standard", [50, 52]), ("deterministic", "standard", [90, 92]))
    kinds += (("random", "bregman", [97, 99]),)
    return [
        folder
        for init, version, accuracies in kinds
        for folder in spiral(Path(), accuracies, init=init, version=version)
    ]


@pytest.mark.parametrize(
    ("asked", "baseline"),
    [
        (None, BETTER),
        (RANDOM, RANDOM),
        (RANDOM[:-5], RANDOM),
        ("randomstandard", RANDOM),
        ("bregman_mlp", BREGMAN),
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
    assert page(spirals, baseline="twin") == expected("twins.md")
    assert "no row here has a twin" in page(spirals[:4], baseline="twin")


def test_a_split_table_without_the_baseline_says_so(spirals: list[RunFolder]) -> None:
    runs = [*spirals, *row(Path(), [60]), *bregman([61])]
    points, images = pages(runs, baseline="resnet20", must_agree=False)
    assert "no row here is the baseline resnet20" in points
    assert "row − resnet20 (gelu)" in images
