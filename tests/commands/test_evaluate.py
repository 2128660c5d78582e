"""evaluate.py on an existing run."""

import json
import shutil
from pathlib import Path

import torch

from tests.conftest import TINY


def evaluation_of(folder: Path) -> dict:
    (metrics,) = (folder / "evaluations").rglob("metrics.json")
    return json.loads(metrics.read_text())


def test_another_suite_is_added_beside_the_run(command, trained: Path) -> None:
    before = (trained / "metrics.json").read_bytes()
    assert command("evaluate", f"run={trained}", "attack=paper", "attack.samples=20").code == 0
    added, own = evaluation_of(trained), json.loads(before)
    assert (trained / "metrics.json").read_bytes() == before
    assert added.keys() == own.keys()
    assert added["clean"]["n"] == 20
    assert len(added["robust"]) == 12
    for key in ("config_hash", "seed", "model", "act", "dataset", "train"):
        assert added[key] == own[key]
    folder = next((trained / "evaluations").iterdir())
    assert folder.name.startswith("paper-")
    assert (folder / "predictions.npz").is_file()


def test_the_same_evaluation_is_not_done_twice(command, trained: Path) -> None:
    assert command("evaluate", f"run={trained}", "attack=curve").code == 0
    assert "skipped" in command("evaluate", f"run={trained}", "attack=curve").err
    assert (
        command("evaluate", f"run={trained}", "attack=curve", "attack.batch_size=7").err.count("skipped") == 1
    )


def test_another_batch_size_counts_where_random_numbers_belong_to_a_batch(command, trained: Path) -> None:
    words = (f"run={trained}", "attack=torchattacks", "attack.samples=10")
    assert command("evaluate", *words).code == 0
    assert "skipped" not in command("evaluate", *words, "attack.batch_size=3").err
    assert len(list(trained.rglob("evaluations/*/metrics.json"))) == 2


def test_an_evaluation_later_equals_the_one_after_training(command, tmp_path: Path) -> None:
    command("train", *TINY, "attack=paper", "output_dir=a")
    command("train", *TINY, "attack=none", "output_dir=b")
    (at_once,), (later,) = ([p.parent for p in (tmp_path / x).rglob("metrics.json")] for x in "ab")
    assert command("evaluate", f"run={later}", "attack=paper").code == 0

    def figures(record: dict) -> list:
        return [(entry["id"], entry["correct"], entry["n"]) for entry in record["robust"]]

    assert figures(evaluation_of(later)) == figures(json.loads((at_once / "metrics.json").read_text()))


def test_best_weights(command, tmp_path: Path) -> None:
    command("train", *TINY, "attack=none", "trainer.max_epochs=6", "optim.lr=0.5")
    (folder,) = (p.parent for p in tmp_path.rglob("metrics.json"))
    best = torch.load(folder / "checkpoints/best.ckpt", weights_only=True)
    assert command("evaluate", f"run={folder}", "weights=best", "attack=none").code == 0
    added = evaluation_of(folder)
    assert added["weights"] == "best"
    assert best["epoch"] <= 5


def test_the_weights_of_the_run_are_the_default(command, tmp_path: Path) -> None:
    command("train", *TINY, "attack=none", "eval.weights=best")
    (folder,) = (p.parent for p in tmp_path.rglob("metrics.json"))
    assert command("evaluate", f"run={folder}", "attack=curve").code == 0
    assert evaluation_of(folder)["weights"] == "best"


def test_what_the_run_has_already_is_not_done_again(command, trained: Path) -> None:
    assert "skipped" in command("evaluate", f"run={trained}", "attack=none").err
    assert not (trained / "evaluations").exists()


def test_a_run_that_was_moved_can_still_be_evaluated(command, trained: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "exp" / "net" / trained.name
    shutil.copytree(trained, moved)
    assert command("evaluate", f"run={moved}", "attack=none", "attack.samples=5").code == 0
    assert evaluation_of(moved)["clean"]["n"] == 5


def test_several_runs_in_a_sweep(command, tmp_path: Path) -> None:
    command("train", *TINY, "attack=none", "seeds=0..1")
    runs = sorted(str(p.parent) for p in tmp_path.rglob("metrics.json"))
    assert command("evaluate", "-m", f"run={','.join(runs)}", "attack=curve").code == 0
    assert len(list(tmp_path.rglob("evaluations/curve-*/metrics.json"))) == 2
