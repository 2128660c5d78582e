"""evaluate.py with the audit, a transfer, saved examples; mistakes; an evaluation that was killed."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bregman_exp import build
from bregman_exp.analysis.evaluation_text import verdict_line
from bregman_exp.cli import example_pictures
from bregman_exp.robustness.attacks.pgd import PGD
from bregman_exp.robustness.harness import Harness
from bregman_exp.runs import RunFolder
from tests.commands.conftest import killed
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
SMALL = (
    "attack.attacks=[{attack: gaussian_noise, norm: linf, eps: 0.02},{attack: fgsm, norm: linf, eps: 0.02},"
    "{attack: pgd, norm: linf, eps: 0.02, steps: 5},"
    "{attack: suite, norm: linf, eps: 0.02, members: [{attack: pgd, steps: 5}, {attack: fmn, steps: 5}]},"
    "{attack: pgd, norm: l2, eps: 0.02, steps: 5}]",
    "attack.samples=40",
)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer queries of the searches without gradients; a suite that names no members has one."""
    for place in ("autoattack_members", "random_search"):
        monkeypatch.setattr(f"bregman_exp.robustness.attacks.{place}.QUERIES", 50)
    monkeypatch.setattr("bregman_exp.robustness.attacks.suite.default_members", lambda *_: [PGD()])


def evaluations(run: Path) -> list[Path]:
    place = run / "evaluations"
    return sorted(place.iterdir()) if place.exists() else []


def only_evaluation(run: Path) -> Path:
    (folder,) = evaluations(run)
    return folder


def record_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


def without_seconds(record: dict[str, Any]) -> dict[str, Any]:
    timed = [*record["robust"], *record.get("probes", [])]
    assert all(entry.pop("seconds") >= 0 for entry in timed)
    del record["sha256"]  # which is of the seconds, too
    return record


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {".lock"}


def other_run(command, place: str, *words: str) -> Path:
    assert command("train", *TINY, "attack=none", f"output_dir={place}", *words).code == 0
    (metrics,) = Path(place).rglob("metrics.json")
    return metrics.parent.absolute()


# ---- the audit


def test_an_audit_leaves_its_checks_and_shows_them(command, trained: Path) -> None:
    outcome = command("evaluate", f"run={trained}", "attack=audit", *SMALL)
    assert outcome.code == 0, outcome.err
    folder = only_evaluation(trained)
    assert folder.name.startswith("audit-")
    assert files_in(folder) == {"metrics.json", "predictions.npz", "run.json", "run.log"}
    assert not (folder / "parts").exists()
    record = record_of(folder)
    names = {check["name"] for check in record["checks"]}
    assert {"more-steps", "losses-agree", "float64", "huge-eps", "zero-eps", "straight-through"} <= names
    skipped = {check["name"] for check in record["checks"] if check["status"] == "skipped"}
    assert {"transfer", "dual-form"} <= skipped
    probes = {probe["id"].partition(":")[0] for probe in record["probes"]}
    assert {"more-steps", "losses-agree", "float64", "gradient-free", "sizes"} <= probes
    assert all(0 <= probe["broken"] <= probe["attacked"] <= 40 for probe in record["probes"])
    assert [entry["n"] for entry in record["robust"]] == [40] * 5
    verdicts = [entry["verdict"] for entry in record["robust"]]
    assert set(verdicts[:2]) <= {"unchecked", "unreliable", "degenerate"}
    assert set(verdicts[2:]) <= {"reliable", "unreliable", "degenerate"}
    log = (folder / "run.log").read_text()
    for said in ("bregman_mlp (atan), depth 3, random start, seed 0", verdict_line(record), "checks: "):
        assert said in outcome.err
        assert said in log
    assert "…" not in log
    assert all(f"FAILED {c['name']} " in log for c in record["checks"] if c["status"] == "failed")
    assert "dual-form" not in log  # skipped: metrics.json and the page have it


def test_a_second_time_it_is_skipped_and_shown_again(command, trained: Path) -> None:
    words = ("evaluate", f"run={trained}", "attack=audit", *SMALL)
    first = command(*words)
    before = (only_evaluation(trained) / "metrics.json").stat().st_mtime_ns
    again = command(*words)
    assert again.code == 0
    assert "is complete: skipped" in again.err
    assert (only_evaluation(trained) / "metrics.json").stat().st_mtime_ns == before
    page = first.err[first.err.index("bregman_mlp (atan)") : first.err.index("wrote ")]
    assert page.strip() in again.err


def test_any_suite_can_be_audited(command, trained: Path) -> None:
    words = ("attack.attacks=[{attack: pgd, norm: l2, eps: 0.02, steps: 4}]", "attack.samples=20")
    assert command("evaluate", f"run={trained}", "attack=paper", *words).code == 0
    assert command("evaluate", f"run={trained}", "attack=paper", *words, "attack.audit=true").code == 0
    records = [record_of(folder) for folder in evaluations(trained)]
    assert sorted("probes" in record for record in records) == [False, True]
    figures = [[(e["id"], e["correct"]) for e in record["robust"]] for record in records]
    assert figures[0] == figures[1]


def test_an_evaluation_with_training_is_audited_too(command, tmp_path: Path) -> None:
    words = ("attack=audit", *SMALL[:1], "attack.samples=10")
    outcome = command("train", *TINY, *words)
    assert outcome.code == 0, outcome.err
    (metrics,) = tmp_path.rglob("metrics.json")
    assert record_of(metrics.parent)["probes"]
    assert not list(tmp_path.rglob("parts"))
    shown = command("evaluate", f"run={metrics.parent}", *words)
    assert shown.code == 0
    assert "has these figures already: skipped" in shown.err
    assert verdict_line(record_of(metrics.parent)) in shown.err
    assert evaluations(metrics.parent) == []


# ---- the transfer


def test_a_transfer_from_a_second_run(command, trained: Path) -> None:
    source = other_run(command, "second", "seed=1")
    words = ("attack=transfer", "attack.samples=30")
    outcome = command("evaluate", f"run={trained}", f"source={source}", *words)
    assert outcome.code == 0, outcome.err
    record = record_of(only_evaluation(trained))
    assert {entry["attack"] for entry in record["robust"]} == {"transfer"}
    assert len(record["robust"]) == 6
    assert {entry["verdict"] for entry in record["robust"]} <= {"unchecked", "degenerate", "unreliable"}
    moved = Path("elsewhere") / "a" / "b" / source.name
    shutil.copytree(source, moved)
    again = command("evaluate", f"run={trained}", f"source={moved}", *words)
    assert "is complete: skipped" in again.err  # the same weights, wherever they lie
    third = other_run(command, "third", "seed=2")
    assert (
        "skipped"
        not in command("evaluate", f"run={trained}", f"source={third}", *words).err.partition("checks:")[0]
    )
    assert len(evaluations(trained)) == 2


def test_the_evaluated_run_is_no_source(command, trained: Path) -> None:
    outcome = command("evaluate", f"run={trained}", f"source={trained}", "attack=transfer")
    assert outcome.code == 1
    assert "is the evaluated run itself; give another one." in outcome.err
    assert not (trained / "evaluations").exists()


def test_a_source_gives_the_audit_its_transfer(command, trained: Path) -> None:
    source = other_run(command, "second", "seed=1")
    outcome = command(
        "evaluate",
        f"run={trained}",
        f"source={source}",
        "attack=audit",
        "attack.attacks=[{attack: pgd, norm: linf, eps: 0.02, steps: 4}]",
        "attack.samples=20",
    )
    assert outcome.code == 0, outcome.err
    (check,) = [c for c in record_of(only_evaluation(trained))["checks"] if c["name"] == "transfer"]
    assert check["status"] in ("passed", "failed")


def unfinished(source: Path) -> None:
    (source / "metrics.json").unlink()


def without_weights(source: Path) -> None:
    (source / "checkpoints" / "last.ckpt").unlink()


@pytest.mark.parametrize(
    ("damage", "said"), [(unfinished, "is not complete"), (without_weights, "there is no checkpoint")]
)
def test_a_source_that_cannot_be_used(command, trained: Path, damage, said: str) -> None:
    source = other_run(command, "second", "seed=1")
    damage(source)
    outcome = command("evaluate", f"run={trained}", f"source={source}", "attack=transfer")
    assert outcome.code == 1
    assert said in outcome.err
    assert outcome.err.count("Error: ") == 1
    assert "Traceback" not in outcome.err
    assert evaluations(trained) == []


def test_a_transfer_needs_a_source_that_is_a_run(command, trained: Path) -> None:
    (trained / "folder").mkdir()
    member = "[{attack: suite, norm: linf, eps: 0.01, members: [{attack: transfer}]}]"
    for words, said in (
        (("attack=transfer",), "needs the run to start from; give source=outputs/…"),
        (("attack=paper", f"attack.attacks={member}"), "needs the run to start from; give source=outputs/…"),
        (("attack=transfer", "source=nowhere"), "source=nowhere is not a run"),
        (("attack=transfer", f"source={trained}/folder"), "is not a run"),
    ):
        outcome = command("evaluate", f"run={trained}", *words)
        assert outcome.code == 1
        assert said in outcome.err
        assert outcome.err.count("\n") == 1, outcome.err
        assert evaluations(trained) == []


def image_run(command, tmp_path: Path, tree: Path) -> Path:
    outcome = command(
        "train",
        "model=mlp",
        "act=tanh",
        "dataset=image_folder",
        f"dataset.root={tree}",
        "dataset.n_val=4",
        "trainer.max_epochs=1",
        "trainer.batch_size=10",
        "attack=none",
        "output_dir=images-out",
    )
    assert outcome.code == 0, outcome.err
    (metrics,) = (tmp_path / "images-out").rglob("metrics.json")
    return metrics.parent


def test_a_source_of_other_data(command, trained: Path, image_tree: Path, tmp_path: Path) -> None:
    images = image_run(command, tmp_path, image_tree)
    for run, source, its, own in (
        (trained, images, "(3, 8, 8)", "(2,)"),
        (images, trained, "(2,)", "(3, 8, 8)"),
    ):
        outcome = command("evaluate", f"run={run}", f"source={source}", "attack=transfer")
        assert outcome.code == 1
        assert f"source={source} has inputs of shape {its}, the evaluated run {own}" in outcome.err
        assert "Traceback" not in outcome.err
        assert evaluations(run) == []
    shutil.copytree(image_tree / "train" / "cat", image_tree / "train" / "wolf")
    shutil.copytree(image_tree / "test" / "cat", image_tree / "test" / "wolf")
    three = other_classes(command, tmp_path, image_tree)
    outcome = command("evaluate", f"run={three}", f"source={trained}", "attack=transfer")
    assert outcome.code == 1
    assert "has classes 2, the evaluated run 3" in outcome.err
    assert evaluations(three) == []


def other_classes(command, tmp_path: Path, tree: Path) -> Path:
    (tmp_path / "images-out").rename(tmp_path / "two-classes")
    return image_run(command, tmp_path, tree)


# ---- saved examples


ATTACKS = (
    "attack.attacks=[{attack: pgd, norm: linf, eps: [0.05, 0.1], steps: 5},"
    "{attack: fmn, norm: l2, eps: [0.05, 0.2], steps: 10}]"
)


def size(change: np.ndarray, norm: str) -> np.ndarray:
    flat = change.astype(np.float64).reshape(len(change), -1)
    return np.abs(flat).max(axis=1) if norm == "linf" else np.linalg.norm(flat, axis=1)


def assert_examples(run: Path, folder: Path) -> None:
    stored = build.stored_run(RunFolder(run))
    net = build.trained_model(stored, build.dataset(stored), RunFolder(run))
    predictions = np.load(folder / "predictions.npz")
    right = predictions["prediction"] == predictions["label"]
    for entry in record_of(folder)["robust"]:
        arrays = np.load(folder / "adversarial" / f"{entry['id']}.npz")
        assert set(arrays) == {
            *("id", "label", "clean", "adversarial", "prediction", "adversarial_prediction"),
        }
        assert arrays["id"].tolist() == predictions["id"][right].tolist()
        assert (arrays["label"] == arrays["prediction"]).all()
        clean, adversarial = arrays["clean"], arrays["adversarial"]
        assert clean.shape == adversarial.shape
        assert clean.dtype == adversarial.dtype == np.float32
        assert adversarial.min() >= 0
        assert adversarial.max() <= 1
        assert size(adversarial - clean, entry["norm"]).max() <= entry["eps"] + 1e-6
        with torch.no_grad():
            for points, answers in ((clean, "prediction"), (adversarial, "adversarial_prediction")):
                assert net(torch.from_numpy(points)).argmax(1).tolist() == arrays[answers].tolist()
        left = arrays["adversarial_prediction"] == arrays["label"]
        assert left.tolist() == predictions[entry["id"]][right].tolist()
        assert left.sum() == entry["correct"]


def test_examples_of_points_are_saved(command, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str] = []
    draw = example_pictures.adversarial_points
    monkeypatch.setattr(
        example_pictures, "adversarial_points", lambda *args: titles.append(args[2]) or draw(*args)
    )
    outcome = command("evaluate", f"run={trained}", "attack=paper", ATTACKS, "attack.save=true")
    assert outcome.code == 0, outcome.err
    folder = only_evaluation(trained)
    ids = ("pgd-linf-0.05", "pgd-linf-0.1", "fmn-l2-0.05", "fmn-l2-0.2")
    saved = {f"adversarial/{id_}.{kind}" for id_ in ids for kind in ("npz", "png")}
    assert files_in(folder) == {"metrics.json", "predictions.npz", "run.json", "run.log", *saved}
    assert_examples(trained, folder)
    assert titles[0] == "bregman_mlp (atan), depth 3, random start, seed 0: pgd in ℓ∞ with ε\u00a0=\u00a00.05"
    distances = np.load(folder / "predictions.npz")["distance-fmn-l2"]
    assert len(distances) == 40
    assert command("evaluate", f"run={trained}", "attack=paper", ATTACKS).code == 0
    plain = next(each for each in evaluations(trained) if each != folder)  # the same figures without
    assert files_in(plain) == {"metrics.json", "predictions.npz", "run.json", "run.log"}
    figures = [[entry["correct"] for entry in record_of(each)["robust"]] for each in (folder, plain)]
    assert figures[0] == figures[1]


def test_a_picture_that_fails_costs_no_figure(
    command, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_settings: object) -> None:
        raise RuntimeError("no font")

    monkeypatch.setattr("bregman_exp.cli.example_pictures.adversarial_points", fail)
    outcome = command("evaluate", f"run={trained}", "attack=paper", ATTACKS, "attack.save=true")
    assert outcome.code == 0, outcome.err
    assert "no picture of pgd-linf-0.05: no font" in outcome.err
    assert {"metrics.json", "adversarial/pgd-linf-0.05.npz"} <= files_in(only_evaluation(trained))


def test_examples_of_images_are_saved(command, image_tree: Path, tmp_path: Path) -> None:
    run = image_run(command, tmp_path, image_tree)
    outcome = command("evaluate", f"run={run}", "attack=paper", ATTACKS, "attack.save=true")
    assert outcome.code == 0, outcome.err
    folder = only_evaluation(run)
    assert (folder / "adversarial" / "pgd-linf-0.1.png").stat().st_size > 1000
    assert_examples(run, folder)


# ---- mistakes


def suite_of(entry: str) -> tuple[str, str]:
    return "attack=paper", f"attack.attacks=[{{{entry}}}]"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("attack=audit", "attack.attacks=[]"), "attack.attacks=[]: the suite audit has no attack"),
        (("attack=paper", "attack.attacks=[{attack: pgd, norm: l2, eps: []}]"), "no attack"),
        (suite_of("attack: suite, norm: linf, eps: 0.1, members: []"), "a suite needs at least one attack"),
        (suite_of("attack: suite, norm: linf, eps: 0.1, members: [{attack: suite}]"), "cannot be a member"),
        (suite_of("attack: suite, norm: l2, eps: 0.1, members: [{attack: fgsm}]"), "fgsm cannot do norm=l2"),
        (suite_of("attack: pgd, norm: linf, eps: -0.1"), "eps=-0.1 is not allowed; give a size in [0, 1]"),
        (suite_of("attack: pgd, norm: linf, eps: 1.1"), "eps=1.1 is not allowed; give a size in [0, 1]"),
        (suite_of("attack: pgd, norm: linf, eps: [0.1, 2]"), "eps=2 is not allowed"),
        (suite_of("attack: pgd, norm: linf, eps: nan"), "eps=nan is not allowed"),
        (suite_of("attack: fgm, norm: linf, eps: 0.1"), "attack=fgm cannot do norm=linf; it does l2"),
        (suite_of("attack: exact, norm: l2, eps: 0.1, steps: 3"), "exact has no setting steps"),
        (suite_of("attack: pgd, norm: l2, eps: 0.1, through: 5"), "through"),
        (suite_of("attack: pgd, norm: l2, eps: 0.1, through: nonsense"), "nonsense"),
        (suite_of("attack: pgd, norm: l2, eps: 0.1, loss: dlr"), "needs three classes"),
        (suite_of("attack: pgd, norm: l2, eps: 0.1, precision: float16"), "precision='float16' is unknown"),
        (("attack.samples=0",), "attack.samples=0: it must be ≥ 1"),
        (("attack.samples=41",), "attack.samples=41: the test set has 40"),
        (("attack.audit=perhaps",), "perhaps"),
        (("attack.save=3.5",), "3.5"),
    ],
    ids=lambda value: " ".join(value)[:70],
)
def test_mistakes(command, trained: Path, words: tuple[str, ...], said: str) -> None:
    outcome = command("evaluate", f"run={trained}", *words)
    assert outcome.code == 1
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.err.count("Error: ") == 1
    assert evaluations(trained) == []


# ---- killed


EACH_KIND = (
    "attack=paper",
    "attack.batch_size=10",
    "attack.attacks=[{attack: pgd, norm: linf, eps: [0.01, 0.02], steps: 10, early_stop: false},"
    "{attack: suite, norm: l2, eps: 0.02, members: [{attack: pgd, steps: 9}, {attack: fgm}]},"
    "{attack: torchattacks, cls: PGD, norm: linf, eps: 0.02, parameters: {steps: 5}}]",
)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_killed_evaluation_continued_equals_an_uninterrupted_one(
    command, trained: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy" / "a" / "b" / trained.name
    shutil.copytree(trained, copy)
    killed(Harness, "_run", 6, lambda: resumed(command, trained))
    folder = only_evaluation(trained)
    assert len(list((folder / "parts").iterdir())) == 6
    assert not (folder / "metrics.json").exists()
    outcome, whole = (resumed(command, run) for run in (trained, copy))
    assert "going on with" in outcome
    assert "going on with" not in whole
    assert not (folder / "parts").exists()
    other = only_evaluation(copy)
    assert other.name == folder.name
    assert without_seconds(record_of(folder)) == without_seconds(record_of(other))
    mine, theirs = (np.load(each / "predictions.npz") for each in (folder, other))
    assert set(mine) == set(theirs)
    assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
    assert files_in(folder) == files_in(other)


def resumed(command, run: Path) -> str:
    outcome = command("evaluate", *EACH_KIND, f"run={run}")
    assert outcome.code == 0, outcome.err
    return outcome.err


def test_an_interrupted_evaluation_says_how_to_go_on(command, trained: Path, monkeypatch) -> None:
    real, runs = Harness._run, []

    def run(self: Harness, *more: Any) -> Any:
        runs.append(more)
        if len(runs) == 4:
            raise KeyboardInterrupt
        return real(self, *more)

    words = ("attack=noise", "attack.batch_size=10")
    with monkeypatch.context() as patch:
        patch.setattr(Harness, "_run", run)
        outcome = command("evaluate", f"run={trained}", *words)
    assert outcome.code == 130
    assert "the same command goes on" in outcome.err
    assert "epoch" not in outcome.err.splitlines()[-1]
    folder = only_evaluation(trained)
    assert len(list((folder / "parts").iterdir())) == 3
    assert not (folder / "metrics.json").exists()
    again = command("evaluate", f"run={trained}", *words)
    assert again.code == 0
    assert "going on with 3 finished batches" in again.err
    assert not (folder / "parts").exists()


def test_a_damaged_part_is_done_again(command, trained: Path, monkeypatch) -> None:
    kept: list[Path] = []

    def stop(self: RunFolder, *_: object) -> None:
        kept.extend((self.path / "parts").iterdir())
        raise OSError("no space left on device")

    words = ("attack=paper", "attack.batch_size=4")
    words += ("attack.attacks=[{attack: pgd, norm: linf, eps: [0.01, 0.02], steps: 2}]",)
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", stop)
        assert command("evaluate", f"run={trained}", *words).code == 1
    folder = only_evaluation(trained)
    assert (folder / "failure.json").is_file()
    for place, file in enumerate(kept):
        content = bytearray(file.read_bytes())
        content[-1 - len(content) * (place % 7) // 7] ^= 0xFF
        file.write_bytes(content[: len(content) - 40 * (place % 2)])
    again = command("evaluate", f"run={trained}", *words)
    assert again.code == 0, again.err
    assert files_in(folder) == {"metrics.json", "predictions.npz", "run.json", "run.log"}
    copy = trained.parent / "seed-1-copy"
    shutil.copytree(trained, copy, ignore=lambda *_: {"evaluations"})
    assert command("evaluate", f"run={copy}", *words).code == 0
    assert without_seconds(record_of(folder)) == without_seconds(record_of(only_evaluation(copy)))


def test_parts_left_behind_by_a_kill_at_the_very_end_are_cleared(command, trained: Path) -> None:
    words = ("attack=noise", "attack.samples=10")
    assert command("evaluate", f"run={trained}", *words).code == 0
    folder = only_evaluation(trained)
    RunFolder(folder).parts["pgd-0123"] = {"survivors": np.ones((1, 3), dtype=bool)}
    assert "skipped" in command("evaluate", f"run={trained}", *words).err
    assert not (folder / "parts").exists()
