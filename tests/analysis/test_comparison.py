"""Two runs sample by sample, two rows over their seeds, and what cannot be compared."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from rich.table import Table

from bregman_exp.analysis import comparison
from bregman_exp.analysis.frame import read_results
from bregman_exp.runs import NotARunError, RunFolder
from bregman_exp.terminal import as_text
from tests.conftest import Outcome

N = 20


def comparison_table(a: Sequence[RunFolder], b: Sequence[RunFolder]) -> Table:
    return comparison.comparison_table(*(read_results(runs).frame for runs in (a, b)))


PGD = "pgd-linf-0.1"


def survivors(correct: int, n: int = N) -> np.ndarray:
    return np.arange(n) < correct


def entry(correct: int | None, n: int = N, **changes: object) -> dict:
    reported = {"accuracy": None if correct is None else correct / n, "correct": correct, "n": n}
    return {"id": PGD, "eps": 0.1, "steps": 50, "verdict": "unchecked", **reported, **changes}


def write(
    folder: RunFolder, clean: int, attacks: Sequence[dict], n: int = N, seed: int = 0, **changes: object
) -> RunFolder:
    """A folder's figures: clean right on the first samples, each attack on the first ones too."""
    labels = np.arange(n) % 3
    arrays = {"id": np.arange(n), "label": labels, "prediction": np.where(survivors(clean, n), labels, 3)}
    arrays |= {e["id"]: survivors(e["correct"], n) for e in attacks if e["correct"] is not None}
    record = {
        "seed": seed,
        "model": "mlp",
        "act": "atan",
        "row_hash": "abcdef",
        "weights": "last",
        "train": {"epochs": 1},
        "dataset": {"label": "two-spiral", "fingerprint": "f" * 64},
        "clean": {"accuracy": clean / n, "correct": clean, "n": n},
        "robust": list(attacks),
    }
    folder.finish({**record, **changes}, arrays)
    return folder


def run(
    path: Path, clean: int, *attacks: dict, n: int = N, seed: int = 0, lr: float = 0.1, **changes: object
) -> RunFolder:
    folder = RunFolder(path)
    folder.begin(f"seed: {seed}\noptim:\n  lr: {lr}\nattack:\n  name: {path.name}\n")
    return write(folder, clean, attacks, n, seed, **changes)


def lines(a: Sequence[RunFolder], b: Sequence[RunFolder]) -> dict[str, list[str]]:
    """The table's lines: first cell -> the others."""
    cells = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in shown(a, b).split("\n")]
    return {row[0]: row[1:] for row in cells if len(row) > 1}


def shown(a: Sequence[RunFolder], b: Sequence[RunFolder]) -> str:
    return as_text(comparison_table(a, b))


def said(a: Sequence[RunFolder], b: Sequence[RunFolder]) -> str:
    return " ".join(shown(a, b).split())


def test_two_runs_sample_by_sample(tmp_path: Path) -> None:
    a = run(tmp_path / "a", 18, entry(10))
    b = run(tmp_path / "b", 18, entry(2), model="bregman_mlp", row_hash="b")
    table = lines([a], [b])
    assert table["clean"] == ["90.00", "90.00", "+0.00", "[-15.71, +15.71]", "0", "0", "1.000", "20"]
    line = table[PGD]
    assert line[:3] == ["50.00", "10.00", "+40.00"]
    assert line[4:] == ["8", "0", f"{2 / 2**8:.3f}", "20"]
    text = said([a], [b])
    assert "A: mlp (atan), two-spiral, last weights, row abcd, seed 0" in text
    assert "B: bregman_mlp (atan)" in text


def test_attacks_come_from_evaluations_too(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", 18, entry(10)), run(tmp_path / "b", 18)
    write(b.evaluation("curve-1"), 18, [entry(6), entry(3, id="fgsm-linf-0.1")])
    table = lines([a], [b])
    assert table[PGD][:2] == ["50.00", "30.00"]
    assert "fgsm-linf-0.1" not in table
    assert "left out: 1 that only B has" in said([a], [b])


def test_an_evaluation_that_is_not_complete_does_not_count(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", 18, entry(10)), run(tmp_path / "b", 18)
    write(b.evaluation("curve-1"), 18, [entry(6)]).metrics.unlink()
    assert PGD not in lines([a], [b])


def test_evaluations_of_other_weights_are_told_not_mixed(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", 18, entry(10)), run(tmp_path / "b", 18)
    write(b.evaluation("curve-1"), 17, [entry(6)], weights="best")
    assert PGD not in lines([a], [b])
    assert "B: 1 evaluations are of other weights" in said([a], [b])


def test_other_settings_and_other_numbers_of_samples_are_other_attacks(tmp_path: Path) -> None:
    a = run(tmp_path / "a", 18, entry(10), entry(9, id="fgsm-linf-0.1"))
    b = run(tmp_path / "b", 18, entry(6, steps=100))
    write(b.evaluation("paper-1"), 9, [entry(4, n=10, id="fgsm-linf-0.1")], n=10)
    assert set(lines([a], [b])) == {"clean"}


def test_attacks_of_one_id_are_told_apart_by_their_settings(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", 18, entry(10)), run(tmp_path / "b", 18, entry(6))
    for folder, correct in ((a, 9), (b, 5)):
        write(folder.evaluation("long-1"), 18, [entry(correct, steps=100)])
    table = lines([a], [b])
    assert table[f"{PGD} (steps 50)"][:2] == ["50.00", "30.00"]
    assert table[f"{PGD} (steps 100)"][:2] == ["45.00", "25.00"]


def test_verdicts_are_marked(tmp_path: Path) -> None:
    a = run(tmp_path / "a", 18, entry(10, verdict="unreliable"), entry(9, id="fgsm", verdict="degenerate"))
    b = run(tmp_path / "b", 18, entry(None, verdict="unreliable"), entry(9, id="fgsm"))
    table = lines([a], [b])
    assert table[PGD] == ["50.00 UNRELIABLE", "not reported UNRELIABLE", *["—"] * 5, "20"]
    assert table["fgsm"][:3] == ["45.00 degenerate", "45.00", "+0.00"]


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    a = run(tmp_path / "a", 18, entry(9, id="x[/b]"), act="softplus[red]", model="[/i]:smile:")
    text = said([a], [run(tmp_path / "b", 18, entry(9, id="x[/b]"))])
    assert "A: [/i]:smile: (softplus[red])" in text
    assert "│ x[/b] │" in text


def test_seeds_are_compared_by_their_means(tmp_path: Path) -> None:
    a = [run(tmp_path / f"a{seed}", 14 + 2 * seed, seed=seed) for seed in range(3)]  # 70, 80, 90 %
    b = [run(tmp_path / f"b{seed}", 10 + 2 * seed, seed=seed, row_hash="b") for seed in range(3)]
    # v = 10²/3 each, 4 degrees of freedom: 20 ± 2.776445 · √(200/3)
    line = lines(a, b)["clean"]
    assert line[:4] == ["80.00 ± 10.00", "60.00 ± 10.00", "+20.00", "[-2.67, +42.67]"]
    assert line[4:] == ["3", "3", "20"]
    assert "3 seeds" in said(a, b)


def test_a_single_seed_has_no_interval(tmp_path: Path) -> None:
    a = [run(tmp_path / f"a{seed}", 14 + 2 * seed, seed=seed) for seed in range(2)]
    b = run(tmp_path / "b", 10, seed=5, row_hash="b")
    assert lines(a, [b])["clean"] == ["75.00 ± 7.07", "50.00", "+25.00", "—", "2", "1", "20"]


def test_seeds_without_a_figure_are_told(tmp_path: Path) -> None:
    a = [run(tmp_path / f"a{seed}", 14, entry(correct), seed=seed) for seed, correct in ((0, 8), (1, 10))]
    a.append(run(tmp_path / "a2", 14, entry(None, verdict="unreliable"), seed=2))
    a.append(run(tmp_path / "a3", 14, seed=3))
    b = [run(tmp_path / f"b{seed}", 10, entry(4 + seed), seed=seed, row_hash="b") for seed in range(2)]
    line = lines(a, b)[PGD]
    assert line[0] == "45.00 ± 7.07 (1 not reported) UNRELIABLE"
    assert line[4:6] == ["2 of 4", "2"]


def test_seeds_there_twice_and_open_runs_are_told(tmp_path: Path) -> None:
    a = [run(tmp_path / name, 14, seed=seed) for name, seed in (("x", 0), ("y", 0), ("z", 1))]
    a[2].metrics.unlink()
    b = run(tmp_path / "b", 10, row_hash="b")
    assert lines(a, [b])["clean"][-1] == "20"
    assert "A: 1 runs are not complete; A: 1 runs are there twice" in said(a, [b])


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"row_hash": "other", "act": "tanh"}, r"act \(atan, tanh\)"),
        ({"weights": "best"}, r"weights \(last, best\)"),
        ({"row_hash": "other", "lr": 0.2}, r"optim\.lr \(0\.1, 0\.2\)"),
        ({"row_hash": "other"}, "their data"),
    ],
)
def test_a_side_is_one_row(tmp_path: Path, changes: dict, what: str) -> None:
    mixed = [run(tmp_path / "a0", 14), run(tmp_path / "a1", 14, seed=1, **changes)]
    with pytest.raises(ValueError, match=f"^B holds 2 rows, which differ in {what}; give runs that"):
        comparison_table([run(tmp_path / "b", 14)], mixed)


def test_other_samples_are_not_compared(tmp_path: Path) -> None:
    a = run(tmp_path / "a", 18)
    other = {"label": "two-spiral", "fingerprint": "0" * 64}
    with pytest.raises(ValueError, match="fingerprints ffffffff and 00000000"):
        comparison_table([a], [run(tmp_path / "b", 18, dataset=other)])
    with pytest.raises(ValueError, match="A was evaluated on 20 test samples and B on 10; evaluate both"):
        comparison_table([a], [run(tmp_path / "c", 9, n=10)])
    for name in ("id", "label"):
        b = run(tmp_path / name, 18)
        with np.load(b.predictions) as file:
            arrays = dict(file)
        moved = {part: arrays[part] + 1 for part in (name, "prediction") if name == "label" or part == name}
        np.savez(b.predictions, **(arrays | moved))
        with pytest.raises(ValueError, match=rf"have clean of other test samples \(their {name}s differ\)"):
            comparison_table([a], [b])


def test_predictions_must_be_those_of_the_metrics(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", 18, entry(10)), run(tmp_path / "b", 18, entry(6))
    with np.load(b.predictions) as file:
        arrays = dict(file)
    np.savez(b.predictions, **{**arrays, PGD: survivors(7)})
    with pytest.raises(NotARunError, match=f"does not have the {PGD} samples"):
        comparison_table([a], [b])
    whole = b.predictions.read_bytes()
    bent = whole[:60] + bytes(200) + whole[260:]
    for content in (b"no zip", b"", whole[:-40], bent, b"PK\x03\x04"):
        b.predictions.write_bytes(content)
        with pytest.raises(NotARunError, match="is missing or damaged"):
            comparison_table([a], [b])
    b.predictions.unlink()
    with pytest.raises(NotARunError, match="is missing or damaged"):
        comparison_table([a], [b])


def test_a_run_is_not_compared_with_itself(tmp_path: Path) -> None:
    a = run(tmp_path / "a", 18)
    with pytest.raises(ValueError, match="A and B share the run"):
        comparison_table([a], [a])


def test_a_side_needs_a_complete_run(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", 18), run(tmp_path / "b", 18)
    b.metrics.unlink()
    with pytest.raises(ValueError, match="B has no complete run"):
        comparison_table([a], [b])


def test_the_command_takes_folders_and_globs(script: Callable[..., Outcome], tmp_path: Path) -> None:
    for seed in range(2):
        run(tmp_path / "rows" / f"seed-{seed}-a", 14, seed=seed)
        run(tmp_path / "b" / f"seed-{seed}-b", 10 + seed, seed=seed, row_hash="b")
    done = script("compare", "rows", "b/seed-*")
    assert done.code == 0, done.err
    assert "+17.50" in done.out
    assert "only A" in script("compare", "rows/seed-0-a", "b/seed-[0]-b").out


@pytest.mark.parametrize(("other", "message"), [("none", "there is no folder"), (".", "share the run")])
def test_the_command_says_mistakes_in_one_sentence(
    script: Callable[..., Outcome], tmp_path: Path, other: str, message: str
) -> None:
    run(tmp_path / "a", 14)
    done = script("compare", "a", other)
    assert done.code == 1
    assert message in done.err
    assert done.err.count("\n") <= 1
