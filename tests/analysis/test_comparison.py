"""Two runs sample by sample, two rows over their seeds, and what cannot be compared."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from bregman_exp.analysis.comparison import comparison_table
from bregman_exp.analysis.frame import read_results
from bregman_exp.runs import NotARunError, RunFolder
from bregman_exp.terminal import as_text
from tests.analysis.table_runs import SPIRAL, added, entry, run
from tests.conftest import Outcome

PGD, FGSM = "pgd-linf-0.1", "fgsm-linf-0.1"
OTHER = {"model": "bregman_resnet20"}


def compared(a: Sequence[RunFolder], b: Sequence[RunFolder]) -> tuple[dict[str, list[str]], str]:
    """The table's lines (first cell -> the others), and all its text in one line."""
    text = as_text(comparison_table(*(read_results(runs).frame for runs in (a, b))))
    lines = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in text.split("\n")]
    return {name: rest for name, *rest in lines if rest}, " ".join(text.split())


def pgd(correct: int | None, **changes: Any) -> dict[str, Any]:
    return entry(correct, PGD, **changes)


def seeds(place: Path, accuracies: Sequence[int], *robust: dict | None, **changes: Any) -> list[RunFolder]:
    """A run for each accuracy; ``robust``: the attack of each, if any."""
    attacks = [*robust, *[None] * len(accuracies)]
    return [
        run(place / f"seed-{seed}-x", clean, [attacks[seed]] if attacks[seed] else [], seed=seed, **changes)
        for seed, clean in enumerate(accuracies)
    ]


def incomplete(folder: RunFolder) -> RunFolder:
    folder.metrics.unlink()
    return folder


def incomplete_evaluation(folder: RunFolder) -> RunFolder:
    added(folder, "curve-1", 90, [pgd(30)]).evaluation("curve-1").metrics.unlink()
    return folder


class Case(NamedTuple):
    """Two sides below places of their own; lines of their table (its first cells; None: no line); words."""

    a: Callable[[Path], list[RunFolder]]
    b: Callable[[Path], list[RunFolder]]
    lines: dict[str, list[str] | None]
    says: Sequence[str] = ()


def attacked(place: Path) -> list[RunFolder]:
    return [run(place, 90, [pgd(50)])]


CASES = {
    "one run each, sample by sample": Case(
        lambda place: [run(place, 90, [pgd(50), entry(50, FGSM)])],
        lambda place: [run(place, 90, [pgd(44), entry(70, FGSM)], **OTHER)],
        {
            "clean": ["90.00", "90.00", "+0.00", "[-3.53, +3.53]", "0", "0", "1.000", "100"],
            PGD: ["50.00", "44.00", "+6.00", "[+0.98, +10.91]", "6", "0", f"{2 / 2**6:.3f}", "100"],
            FGSM: ["50.00", "70.00", "-20.00", "[-27.72, -11.77]", "0", "20", "2e-06", "100"],
        },
        [
            "A: resnet20 (gelu), CIFAR-10, last weights, row resn, seed 0",
            "B: bregman_resnet20 (gelu), CIFAR-10,",
        ],
    ),
    "attacks of evaluations": Case(
        attacked,
        lambda place: [added(run(place, 90), "curve-1", 90, [pgd(30), entry(15, FGSM)])],
        {PGD: ["50.00", "30.00"], FGSM: None},
        ["left out: 1 that only B has"],
    ),
    "an evaluation that is not complete": Case(
        attacked, lambda place: [incomplete_evaluation(run(place, 90))], {PGD: None}
    ),
    "evaluations of other weights": Case(
        attacked,
        lambda place: [added(run(place, 90), "curve-1", 85, [pgd(30)], weights="best")],
        {PGD: None},
        ["B: 1 evaluations are of other weights"],
    ),
    "other settings or numbers of samples": Case(
        lambda place: [run(place, 90, [pgd(50), entry(45, FGSM)])],
        lambda place: [added(run(place, 90, [pgd(30, steps=9)]), "x-1", 9, [entry(4, FGSM, n=10)], n=10)],
        {PGD: None, FGSM: None},
    ),
    "attacks of one id with several settings": Case(
        lambda place: [added(run(place, 90, [pgd(50)]), "long-1", 90, [pgd(45, steps=100)])],
        lambda place: [added(run(place, 90, [pgd(30)]), "long-1", 90, [pgd(25, steps=100)])],
        {f"{PGD} (steps 50)": ["50.00", "30.00"], f"{PGD} (steps 100)": ["45.00", "25.00"]},
    ),
    "verdicts": Case(
        lambda place: [
            run(place, 90, [pgd(50, verdict="unreliable"), entry(45, FGSM, verdict="degenerate")])
        ],
        lambda place: [run(place, 90, [pgd(None, verdict="unreliable"), entry(45, FGSM)])],
        {
            PGD: ["50.00 UNRELIABLE", "not reported UNRELIABLE", *["—"] * 5, "100"],
            FGSM: ["45.00 degenerate", "45.00", "+0.00"],
        },
    ),
    "names as they are": Case(
        lambda place: [run(place, 90, [pgd(9, id="x[/b]")], act="softplus[red]", model="[/i]:smile:")],
        lambda place: [run(place, 90, [pgd(9, id="x[/b]")])],
        {"x[/b]": ["9.00", "9.00"]},
        ["A: [/i]:smile: (softplus[red])"],
    ),
    # v = 10²/3 each, 4 degrees of freedom: 20 ± 2.776445 · √(200/3)
    "several seeds, by their means": Case(
        lambda place: seeds(place, [70, 80, 90]),
        lambda place: seeds(place, [50, 60, 70]),
        {"clean": ["80.00 ± 10.00", "60.00 ± 10.00", "+20.00", "[-2.67, +42.67]", "3", "3", "100"]},
        ["row resn, 3 seeds"],
    ),
    "a single seed has no interval": Case(
        lambda place: seeds(place, [70, 80]),
        lambda place: [run(place, 50, seed=5)],
        {"clean": ["75.00 ± 7.07", "50.00", "+25.00", "—", "2", "1", "100"]},
    ),
    "seeds without a figure": Case(
        lambda place: seeds(place, [70] * 4, pgd(40), pgd(50), pgd(None, verdict="unreliable")),
        lambda place: seeds(place, [50] * 2, pgd(20), pgd(25)),
        {PGD: ["45.00 ± 7.07 (1 not reported) UNRELIABLE", "22.50 ± 3.54", "+22.50"]},
        ["│ 2 of 4 │ 2 │"],
    ),
    "seeds that are there twice, runs that are open": Case(
        lambda place: [*seeds(place, [70]), run(place / "y", 75), incomplete(run(place / "z", 75, seed=1))],
        lambda place: [run(place, 50)],
        {"clean": ["70.00", "50.00", "+20.00"]},
        ["A: 1 runs are not complete; A: 1 runs are there twice"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_comparison_says(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    lines, text = compared(case.a(tmp_path / "a"), case.b(tmp_path / "b"))
    first = {
        name: lines[name][: len(cells or [])] if name in lines else None for name, cells in case.lines.items()
    }
    assert first == case.lines
    for sentence in case.says:
        assert sentence in text


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"row_hash": "other", "act": "tanh"}, r"act \(gelu, tanh\)"),
        ({"weights": "best"}, r"weights \(last, best\)"),
        ({"row_hash": "other", "config": {"optim": {"lr": 0.2}}}, r"optim\.lr \(0\.1, 0\.2\)"),
        ({"row_hash": "other"}, "their data"),
    ],
)
def test_a_side_is_one_row(tmp_path: Path, changes: dict, what: str) -> None:
    config = {"optim": {"lr": 0.1}}
    mixed = [
        run(tmp_path / "a0", 70, config=config),
        run(tmp_path / "a1", 70, seed=1, **{"config": config, **changes}),
    ]
    with pytest.raises(ValueError, match=f"^B holds 2 rows, which differ in {what}; give runs that"):
        compared([run(tmp_path / "b", 70)], mixed)


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
    a, b = run(tmp_path / "a", 90, [pgd(50)]), run(tmp_path / "b", 90, [pgd(30)])
    whole = b.predictions.read_bytes()
    with np.load(b.predictions) as file:
        arrays = dict(file)
    for change, message in (
        ({"id": arrays["id"] + 1}, r"have clean of other test samples \(their ids differ\)"),
        ({"label": arrays["label"] + 1, "prediction": arrays["prediction"] + 1}, r"\(their labels differ\)"),
        ({PGD: np.arange(100) < 31}, f"does not have the {PGD} samples"),
    ):
        np.savez(b.predictions, **(arrays | change))
        with pytest.raises(ValueError, match=message):
            compared([a], [b])
    bent = whole[:60] + bytes(200) + whole[260:]
    for content in (b"no zip", b"", whole[:-40], bent, b"PK\x03\x04", None):
        b.predictions.unlink()
        if content is not None:
            b.predictions.write_bytes(content)
        with pytest.raises(NotARunError, match="is missing or damaged"):
            compared([a], [b])
        b.predictions.touch()


def test_the_command_takes_folders_and_globs_and_says_mistakes_in_one_sentence(
    script: Callable[..., Outcome], tmp_path: Path
) -> None:
    seeds(tmp_path / "rows", [70, 70])
    seeds(tmp_path / "b", [50, 55])
    done = script("compare", "rows", "b/seed-*")
    assert (done.code, "+17.50" in done.out) == (0, True), done.err
    assert "only A" in script("compare", "rows/seed-0-x", "b/seed-[0]-x").out
    for other, message in (("none", "there is no folder"), (".", "share the run")):
        done = script("compare", "rows", other)
        assert (done.code, message in done.err, done.err.count("\n")) == (1, True, 0)
