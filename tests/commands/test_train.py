"""train.py from the command line to the run folder."""

import json
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import numpy as np
import torch

from bregman_exp.runs import RunFolder
from tests.conftest import TINY

KEYS = {
    "": "schema status config_hash seed model act version weights dataset train clean robust checks "
    "environment",
    "dataset": "name source n_train n_val n_test fingerprint",
    "train": "epochs steps seconds samples_per_second params",
    "clean": "accuracy correct n ci95",
    "environment": "torch python device git",
}
ENTRY = "id attack norm eps steps restarts loss accuracy correct n ci95 verdict"
ONCE = {  # functions of build/ and config/ -> calls
    "activation": 1,
    "attack_specs": 1,
    "model": 3,  # for the checks, for training, for evaluation
    "config_hash": 2,
    "suite_hash": 1,
    "dataset": 1,
    "_folder": 1,
}
CHECK = "name applies_to status value limit"


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def only(root: Path, name: str = "metrics.json") -> Path:
    (found,) = root.rglob(name)
    return found


def test_a_run_leaves_what_the_contract_says(command, tmp_path: Path) -> None:
    outcome = command("train", *TINY, "attack=paper")
    assert outcome.code == 0, outcome.err
    folder = only(tmp_path).parent
    assert folder.relative_to(tmp_path).match("outputs/adhoc/bregman_mlp-atan-two_spiral/seed-0-*")
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - {".lock"}
    assert files == {
        "config.yaml",
        "metrics.json",
        "predictions.npz",
        "metrics.csv",
        "run.json",
        "run.log",
        "checkpoints/last.ckpt",
        "checkpoints/best.ckpt",
    }
    metrics = json.loads((folder / "metrics.json").read_text())
    for part, keys in KEYS.items():
        assert set(keys.split()) <= set(metrics[part] if part else metrics)
    assert len(metrics["robust"]) == 12  # 3 sizes × (pgd, single step) × 2 norms
    for entry in metrics["robust"]:
        assert set(ENTRY.split()) <= set(entry)
        assert entry["verdict"] == "unchecked"
        assert entry["accuracy"] == entry["correct"] / entry["n"] <= metrics["clean"]["accuracy"]
        assert entry["ci95"][0] <= entry["accuracy"] <= entry["ci95"][1]
    assert all(set(CHECK.split()) <= set(check) for check in metrics["checks"])
    assert metrics["train"]["epochs"] == 2
    assert metrics["train"]["steps"] == 8
    assert metrics["config_hash"] in folder.name
    assert [p.name for p in tmp_path.iterdir()] == ["outputs"]  # nothing of Hydra's own


def test_predictions_agree_with_the_metrics(command, tmp_path: Path) -> None:
    command("train", *TINY, "attack=paper", "attack.samples=25")
    metrics = json.loads(only(tmp_path).read_text())
    arrays = np.load(only(tmp_path, "predictions.npz"))
    assert metrics["clean"]["n"] == len(arrays["id"]) == 25
    right = arrays["label"] == arrays["prediction"]
    assert right.sum() == metrics["clean"]["correct"]
    for entry in metrics["robust"]:
        survivors = arrays[entry["id"]]
        assert survivors.dtype == bool
        assert survivors.sum() == entry["correct"]
        assert not (survivors & ~right).any()


def test_the_same_command_gives_the_same_weights_and_another_seed_others(command, tmp_path: Path) -> None:
    words = (*TINY, "attack=none")
    for place, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert command("train", *words, f"output_dir={place}", f"seed={seed}").code == 0
    a, b, c = (weights_of(only(tmp_path / place).parent) for place in "abc")
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not all(torch.equal(a[key], c[key]) for key in a)


def test_last_is_the_last_epoch_also_where_the_best_was_earlier(command, tmp_path: Path) -> None:
    # a rate of 1e-12 changes nothing: the first epoch stays the best
    assert command("train", *TINY, "attack=none", "optim.lr=1e-12", "trainer.max_epochs=3").code == 0
    folder = only(tmp_path).parent / "checkpoints"
    epochs = {w: torch.load(folder / f"{w}.ckpt", weights_only=True)["epoch"] for w in ("last", "best")}
    assert epochs == {"last": 2, "best": 0}
    assert json.loads(only(tmp_path).read_text())["train"]["epochs"] == 3


def test_a_finished_run_is_skipped_and_another_suite_only_evaluated(command, trained: Path) -> None:
    before = (trained / "metrics.json").read_bytes(), (trained / "checkpoints/last.ckpt").read_bytes()
    assert "skipped" in command("train", *TINY, "attack=none").err
    other = command("train", *TINY, "attack=noise", "attack.samples=10")
    assert "training" not in other.err
    assert (
        (trained / "metrics.json").read_bytes(),
        (trained / "checkpoints/last.ckpt").read_bytes(),
    ) == before
    added = json.loads(only(trained / "evaluations").read_text())
    assert added["clean"]["n"] == 10
    assert added["robust"]
    assert "skipped" in command("train", *TINY, "attack=noise", "attack.samples=10").err


def test_a_sweep_goes_on_after_a_failed_job(command, tmp_path: Path) -> None:
    outcome = command("train", "-m", *TINY, "attack=none", "act=relu,atan,tanh")
    assert outcome.code == 1
    assert outcome.err.count("Error: ") == 1
    assert "Traceback" not in outcome.err
    assert len(list(tmp_path.rglob("metrics.json"))) == 2


def test_a_loss_that_is_not_finite_ends_the_run(command, tmp_path: Path) -> None:
    diverging = ("optim.lr=1e30", "act=identity")
    outcome = command("train", *TINY, *diverging, "seeds=0..1", "attack=none")
    assert outcome.code == 1
    failures = [json.loads(p.read_text()) for p in tmp_path.rglob("failure.json")]
    assert len(failures) == 2  # the first failure does not stop the second seed
    for failure in failures:
        assert failure["epoch"] == 0
        assert failure["step"] >= 0
        assert "NonFiniteLossError" in failure["error"]
        assert "optim.lr" in failure["error"]
        assert "Traceback" in failure["traceback"]
    assert not list(tmp_path.rglob("metrics.json"))


def test_a_failed_run_starts_again_with_the_same_command(command, tmp_path, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr("bregman_exp.build.training.trainer", broken)
        outcome = command("train", *TINY, "attack=none")
    assert outcome.code == 1
    assert "RuntimeError: out of memory" in json.loads(only(tmp_path, "failure.json").read_text())["error"]
    assert command("train", *TINY, "attack=none").code == 0
    assert not list(tmp_path.rglob("failure.json"))


def test_two_processes_cannot_write_to_one_folder(command, trained: Path) -> None:
    with RunFolder(trained).locked():
        outcome = command("train", *TINY, "attack=none")
    assert outcome.code == 1
    assert "another process" in outcome.err


def test_images_from_folders(command, image_tree: Path, tmp_path: Path) -> None:
    outcome = command(
        "train",
        "model=bregman_resnet20",
        "act=tanh",
        "dataset=image_folder",
        f"dataset.root={image_tree}",
        "dataset.n_val=6",
        "trainer.max_epochs=1",
        "trainer.batch_size=6",
        "attack=torchattacks",
        "attack.samples=5",
    )
    assert outcome.code == 0, outcome.err
    metrics = json.loads(only(tmp_path / "outputs").read_text())
    assert metrics["dataset"]["label"] == "images"
    assert metrics["train"]["params"] == 269_722 - 8 * 65  # 2 classes in place of 10
    assert [entry["verdict"] for entry in metrics["robust"]] == ["unchecked"] * 3
    assert not [p for p in image_tree.rglob("*") if p.is_file() and p.suffix != ".png"]


def test_what_follows_from_the_config_is_made_once(command) -> None:
    """Counted over a whole command; there are two hashes, with the seed and without it."""
    counts: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_name in ONCE and "bregman_exp" in code.co_filename:
            counts[code.co_name] += 1

    sys.setprofile(count)
    try:
        assert command("train", *TINY, "attack=noise").code == 0
    finally:
        sys.setprofile(None)
    assert counts == ONCE
