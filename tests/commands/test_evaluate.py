"""evaluate.py on an existing run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import TINY

SHORT = (
    "attack.attacks=[{attack: pgd, norm: linf, eps: 0.05, steps: 5},"
    "{attack: gaussian_noise, norm: l2, eps: [0.05, 0.2]}]"
)


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
    words = ("evaluate", f"run={trained}", "attack=curve", SHORT)
    assert command(*words).code == 0
    assert "skipped" in command(*words).err
    assert command(*words, "attack.batch_size=7").err.count("skipped") == 1


def test_another_batch_size_counts_where_random_numbers_belong_to_a_batch(command, trained: Path) -> None:
    words = (f"run={trained}", "attack=torchattacks", "attack.samples=10")
    assert command("evaluate", *words).code == 0
    assert "complete: skipped" not in command("evaluate", *words, "attack.batch_size=3").err
    assert len(list(trained.rglob("evaluations/*/metrics.json"))) == 2


def test_an_evaluation_later_equals_the_one_after_training(command, tmp_path: Path) -> None:
    words = (*TINY, "optim.lr=0.3")  # so that noise breaks some samples, which ones depends on the seed
    command("train", *words, "attack=paper", SHORT, "output_dir=a")
    command("train", *words, "attack=none", "output_dir=b")
    (at_once,), (run,) = ([p.parent for p in (tmp_path / x).rglob("metrics.json")] for x in "ab")
    assert command("evaluate", f"run={run}", "attack=paper", SHORT).code == 0
    (later,) = (run / "evaluations").iterdir()

    def figures(record: dict) -> list:
        return [(entry["id"], entry["correct"], entry["n"]) for entry in record["robust"]]

    assert figures(evaluation_of(run)) == figures(json.loads((at_once / "metrics.json").read_text()))
    mine, its = (np.load(folder / "predictions.npz") for folder in (later, at_once))
    assert set(mine) == set(its)
    assert all(np.array_equal(mine[name], its[name]) for name in mine)


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
    assert command("evaluate", f"run={folder}", "attack=noise").code == 0
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
    assert command("evaluate", "-m", f"run={','.join(runs)}", "attack=noise").code == 0
    assert len(list(tmp_path.rglob("evaluations/noise-*/metrics.json"))) == 2


# where the data lie


@pytest.fixture
def of_images(command, image_tree: Path, tmp_path: Path) -> Path:
    """A run on images that were given by a relative path."""
    words = (
        "model=bregman_mlp",
        "dataset=image_folder",
        "dataset.root=images",
        "dataset.n_val=4",
        "attack=none",
    )
    assert command("train", *words, "optim=adam", "trainer.max_epochs=1", "trainer.batch_size=4").code == 0
    return next(tmp_path.rglob("metrics.json")).parent


def test_data_given_by_a_relative_path_are_read_from_another_folder(
    command, of_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert command("evaluate", f"run={of_images}", "attack=torchattacks").code == 0
    assert (
        evaluation_of(of_images)["dataset"] == json.loads((of_images / "metrics.json").read_text())["dataset"]
    )


def test_moved_data_are_named_and_must_be_the_same(command, of_images: Path, tmp_path: Path) -> None:
    (tmp_path / "images").rename(tmp_path / "moved")
    words = (f"run={of_images}", "attack=torchattacks")
    assert "there is no folder" in command("evaluate", *words).err
    assert command("evaluate", *words, f"dataset.root={tmp_path / 'moved'}").code == 0
    (tmp_path / "moved/test/cat/01.png").unlink()
    done = command("evaluate", *words, f"dataset.root={tmp_path / 'moved'}", "attack.samples=2")
    assert done.code == 1
    assert "has changed since" in done.err


def test_only_the_place_of_the_data_can_be_given(command, trained: Path, of_images: Path) -> None:
    done = command("evaluate", f"run={of_images}", "+dataset.n_val=3")
    assert (done.code, "dataset.n_val" in done.err) == (1, True)
    done = command("evaluate", f"run={trained}", "dataset.root=x")
    assert (done.code, "unknown key dataset.root" in done.err) == (1, True)
