"""Two runs sample by sample, two rows over their seeds, and what cannot be compared."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bregman_exp.analysis.comparison import comparison_table
from bregman_exp.analysis.frame import read_results
from bregman_exp.runs import NotARunError, RunFolder
from bregman_exp.terminal import as_text
from tests.analysis.table_runs import SPIRAL, added, entry, expected, run
from tests.conftest import Outcome

PGD = "pgd-linf-0.1"


def compared(a: Sequence[RunFolder], b: Sequence[RunFolder]) -> str:
    return as_text(comparison_table(*(read_results(runs).frame for runs in (a, b)))) + "\n"


def incomplete(folder: RunFolder) -> RunFolder:
    folder.metrics.unlink()
    return folder


def seeds(
    place: Path, accuracies: Sequence[int], attacks: Sequence[dict | None] = (), **facts: Any
) -> list[RunFolder]:
    """A run for each accuracy, with the attack in its place, if any."""
    robust = [[attack] if attack else [] for attack in (*attacks, *[None] * len(accuracies))]
    return [
        run(place / f"seed-{seed}-x", clean, robust[seed], seed=seed, **facts)
        for seed, clean in enumerate(accuracies)
    ]


def test_two_runs_sample_by_sample(tmp_path: Path) -> None:
    names = {"act": "softplus[red]", "model": "[/i]:smile:"}  # are no markup
    several = [entry(50, PGD), entry(50, "fgsm-linf-0.1"), entry(9, "a-linf-0.1", id="x[/b]")]
    doubtful = [
        ("d-linf-0.1", 45, "degenerate"),
        ("u-linf-0.1", 50, "unreliable"),
        ("n-linf-0.1", 45, "unchecked"),
    ]
    other = [entry(40, "o-linf-0.1"), entry(40, "few-linf-0.1"), entry(40, "best-linf-0.1")]
    robust = [*several, *(entry(n, id_, verdict=verdict) for id_, n, verdict in doubtful), *other]
    a = run(tmp_path / "a", 90, robust, **names)
    several = [entry(44, PGD), entry(70, "fgsm-linf-0.1"), entry(9, "a-linf-0.1", id="x[/b]")]
    doubtful = [("d-linf-0.1", 45, "reliable"), ("n-linf-0.1", None, "unreliable")]
    robust = [*several, *(entry(n, id_, verdict=verdict) for id_, n, verdict in doubtful)]
    b = run(tmp_path / "b", 90, [*robust, entry(40, "o-linf-0.1", steps=9)])
    for folder, correct in ((a, 45), (b, 25)):  # the same attack with more steps
        added(folder, "long-1", 90, [entry(correct, PGD, steps=100)])
    added(b, "curve-1", 90, [entry(30, "u-linf-0.1"), entry(15, "more-linf-0.1")])
    added(b, "few-1", 9, [entry(4, "few-linf-0.1", n=10)], n=10)
    added(b, "best-1", 85, [entry(30, "best-linf-0.1")], weights="best")
    added(b, "open-1", 90, [entry(30, "best-linf-0.1")]).evaluation("open-1").metrics.unlink()
    assert compared([a], [b]) == expected("two-runs.txt")


def test_two_rows_over_their_seeds(tmp_path: Path) -> None:
    attacks = [entry(40, PGD), entry(50, PGD), entry(None, PGD, verdict="unreliable")]
    a = seeds(tmp_path / "a", [70, 80, 90, 80], attacks)
    a += [run(tmp_path / "twice", 75), incomplete(run(tmp_path / "open", 75, seed=5))]
    b = seeds(tmp_path / "b", [50, 60, 70], [entry(20, PGD)], model="bregman_resnet20")
    # clean: v = 200/3/4 and 10²/3, 3.86 degrees of freedom: 20 ± 2.8177 · √50
    assert compared(a, b) == expected("two-rows.txt")
    # v = 10²/3 each, 4 degrees of freedom: 20 ± 2.776445 · √(200/3)
    (clean,) = re.findall("│ clean .*", compared(a[:3], b))
    assert clean.replace("│", "").split()[7:10] == ["+20.00", "[-2.67,", "+42.67]"]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"row_hash": "other", "act": "tanh"}, r"act \(gelu, tanh\)"),
        ({"weights": "best"}, r"weights \(last, best\)"),
        ({"row_hash": "other", "config": {"optim": {"lr": 0.2}}}, r"optim\.lr \(0\.1, 0\.2\)"),
        ({"row_hash": "other"}, "their data"),
    ],
)
def test_a_side_is_one_row(tmp_path: Path, changes: dict[str, Any], what: str) -> None:
    config = {"optim": {"lr": 0.1}}
    changed = run(tmp_path / "a1", 70, seed=1, **{"config": config, **changes})
    with pytest.raises(ValueError, match=f"^B holds 2 rows, which differ in {what}; give runs that"):
        compared([run(tmp_path / "b", 70)], [run(tmp_path / "a0", 70, config=config), changed])


@pytest.mark.parametrize(
    ("b", "message"),
    [
        (lambda place: run(place, 90, dataset=SPIRAL), "fingerprints ffffffff and 55555555"),
        (lambda place: run(place, 9, n=10), "A was evaluated on 100 test samples and B on 10; evaluate both"),
        (lambda place: incomplete(run(place, 90)), "B has no complete run"),
        (lambda place: RunFolder(place.parent / "a"), "A and B share the run"),
    ],
)
def test_what_cannot_be_compared(tmp_path: Path, b: Callable[[Path], RunFolder], message: str) -> None:
    a = run(tmp_path / "a", 90)
    with pytest.raises(ValueError, match=message):
        compared([a], [b(tmp_path / "b")])


def test_predictions_must_be_of_the_same_samples_and_those_of_the_metrics(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", 90, [entry(50, PGD)]), run(tmp_path / "b", 90, [entry(30, PGD)])
    whole = b.predictions.read_bytes()
    with np.load(b.predictions) as file:
        arrays = dict(file)
    moved = {name: arrays[name] + 1 for name in ("id", "label", "prediction")}
    for change, message in (
        ({"id": moved["id"]}, r"have clean of other test samples \(their ids differ\)"),
        ({name: moved[name] for name in ("label", "prediction")}, r"\(their labels differ\)"),
        ({PGD: np.arange(100) < 31}, f"does not have the {PGD} samples"),
    ):
        np.savez(b.predictions, **(arrays | change))
        with pytest.raises(ValueError, match=message):
            compared([a], [b])
    bent = whole[:60] + bytes(200) + whole[260:]
    for content in (b"no zip", b"", whole[:-40], bent, b"PK\x03\x04"):
        b.predictions.write_bytes(content)
        with pytest.raises(NotARunError, match="is missing or damaged"):
            compared([a], [b])


def test_the_command(script: Callable[..., Outcome], tmp_path: Path) -> None:
    seeds(tmp_path / "rows", [70, 70])
    seeds(tmp_path / "b", [50, 55])
    done = script("compare", "rows", "b/seed-*")
    assert (done.code, "+17.50" in done.out, done.err) == (0, True, "")
    assert "only A" in script("compare", "rows/seed-0-x", "b/seed-[0]-x").out
    for other, message in (("none", "there is no folder"), (".", "share the run")):
        done = script("compare", "rows", other)
        assert (done.code, message in done.err, done.err.count("\n")) == (1, True, 0)
