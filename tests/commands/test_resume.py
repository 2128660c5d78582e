"""An interrupted run goes on where it was, and ends as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from bregman_exp.training.classifier import Classifier
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
SETTINGS = (
    "optim=adamw",  # its state counts steps, and the cosine schedule too
    "trainer.max_epochs=5",
    "attack=none",
)


def interrupt_in_epoch(epoch: int, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    real = Classifier.training_step

    def step(self: Classifier, batch: tuple, batch_idx: int) -> torch.Tensor:
        if self.current_epoch == epoch and batch_idx == 2:
            raise error
        return real(self, batch, batch_idx)

    monkeypatch.setattr(Classifier, "training_step", step)


def the_run(place: Path) -> Path:
    (config,) = place.rglob("config.yaml")
    return config.parent


def checkpoint(folder: Path, name: str = "last") -> dict:
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def curve(folder: Path) -> list[str]:
    """metrics.csv without its last column, the seconds."""
    return [line.rpartition(",")[0] for line in (folder / "metrics.csv").read_text().splitlines()]


def test_resumed_is_uninterrupted_bit_for_bit(command, tmp_path: Path, monkeypatch) -> None:
    words = (*TINY, *SETTINGS)
    with monkeypatch.context() as patch:
        interrupt_in_epoch(3, patch, KeyboardInterrupt)
        outcome = command("train", *words, "output_dir=a")
    assert outcome.code == 130
    assert "Interrupted; the same command goes on from the last finished epoch." in outcome.err
    assert not list(tmp_path.rglob("metrics.json"))
    assert checkpoint(the_run(tmp_path / "a"))["epoch"] == 2
    resumed = command("train", *words, "output_dir=a")
    assert resumed.code == 0
    assert "resuming" in resumed.err
    assert command("train", *words, "output_dir=b").code == 0
    a, b = the_run(tmp_path / "a"), the_run(tmp_path / "b")
    for name in ("last", "best"):
        for part in ("state_dict", "optimizer_states", "lr_schedulers", "epoch", "global_step"):
            assert same(checkpoint(a, name)[part], checkpoint(b, name)[part]), (name, part)
    assert curve(a) == curve(b)
    assert len(curve(a)) == 6
    figures = [json.loads((folder / "metrics.json").read_text()) for folder in (a, b)]
    assert figures[0]["clean"] == figures[1]["clean"]


def test_images_with_augmentation_resume_bit_for_bit(command, image_tree, tmp_path, monkeypatch) -> None:
    words = (
        "model=bregman_resnet20",
        "act=atan",
        "dataset=image_folder",
        f"dataset.root={image_tree}",
        "dataset.n_val=4",
        "trainer.batch_size=5",
        "trainer.max_epochs=3",
        "optim.milestones=[2]",
        "attack=none",
    )
    with monkeypatch.context() as patch:
        interrupt_in_epoch(1, patch, KeyboardInterrupt)
        assert command("train", *words, "output_dir=a").code != 0
    assert command("train", *words, "output_dir=a").code == 0
    assert command("train", *words, "output_dir=b").code == 0
    a, b = (checkpoint(the_run(tmp_path / x)) for x in "ab")
    assert same(a["state_dict"], b["state_dict"])
    assert same(a["optimizer_states"], b["optimizer_states"])
    assert [line.split(",")[2] for line in curve(the_run(tmp_path / "b"))[1:]] == ["0.1", "0.1", "0.01"]


def test_an_interrupted_run_that_was_moved_keeps_its_best(command, tmp_path, monkeypatch) -> None:
    words = (*TINY, "trainer.max_epochs=3", "optim.lr=1e-12", "attack=none")  # the first epoch stays the best
    with monkeypatch.context() as patch:
        interrupt_in_epoch(1, patch, KeyboardInterrupt)
        assert command("train", *words, "output_dir=a").code != 0
    (tmp_path / "a").rename(tmp_path / "b")
    assert command("train", *words, "output_dir=b").code == 0
    assert checkpoint(the_run(tmp_path / "b"), "best")["epoch"] == 0
    assert not (tmp_path / "a").exists()


def test_a_stopped_run_killed_at_once_does_not_train_on(command, tmp_path: Path) -> None:
    words = (*TINY, "trainer.patience=2", "trainer.max_epochs=50", "optim.lr=1e-12", "attack=none")
    assert command("train", *words).code == 0
    folder = the_run(tmp_path)
    before = (folder / "checkpoints/last.ckpt").read_bytes()
    (folder / "metrics.json").unlink()
    assert command("train", *words).code == 0
    assert (folder / "checkpoints/last.ckpt").read_bytes() == before


def test_a_damaged_checkpoint_is_set_aside(command, tmp_path: Path) -> None:
    assert command("train", *TINY, "attack=none").code == 0
    folder = the_run(tmp_path)
    last = folder / "checkpoints/last.ckpt"
    whole = checkpoint(folder)["state_dict"]
    (folder / "metrics.json").unlink()
    last.write_bytes(last.read_bytes()[:1000])
    outcome = command("train", *TINY, "attack=none")
    assert outcome.code == 0
    assert "is damaged" in outcome.err
    assert same(checkpoint(folder)["state_dict"], whole)
    assert last.with_name("last.ckpt.damaged").stat().st_size == 1000


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_run_killed_in_its_evaluation_does_not_train_again(command, tmp_path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("bregman_exp.cli.evaluate_run.attack_all", interrupted)
        assert command("train", *TINY, "attack=none").code != 0
    outcome = command("train", *TINY, "attack=none")
    assert outcome.code == 0
    assert "training" not in outcome.err
    assert "resuming" not in outcome.err


@pytest.mark.slow
def test_a_sweep_killed_and_started_again_redoes_nothing(tmp_path: Path) -> None:
    words = [w for w in TINY if "max_epochs" not in w]
    sweep = [sys.executable, str(ROOT / "train.py"), "-m", *words, "act=atan,tanh", "seed=0,1"]
    sweep += ["trainer.max_epochs=60", "attack=curve", "dataset.n_train=320"]
    log = (tmp_path / "log").open("wb")
    job = subprocess.Popen(sweep, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True)
    wait_for_finished(tmp_path, 1, job)
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    log.close()
    finished = [path.parent for path in tmp_path.rglob("metrics.json")]
    assert len(finished) < 4
    before = {path: path.stat().st_mtime_ns for folder in finished for path in folder.rglob("*.ckpt")}
    again = subprocess.run(sweep, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("(skipped as complete)") == len(finished)
    assert len(list(tmp_path.rglob("metrics.json"))) == 4
    assert {path: path.stat().st_mtime_ns for path in before} == before


def wait_for_finished(place: Path, n: int, job: subprocess.Popen) -> None:
    end = time.monotonic() + 600
    while time.monotonic() < end and job.poll() is None:
        if len(list(place.rglob("metrics.json"))) >= n:
            return
        time.sleep(0.05)
    raise AssertionError("no run finished: " + (place / "log").read_text())
