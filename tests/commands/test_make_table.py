"""make table, killed and started again: nothing finished is redone, and the table is the same."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = "row=resnet20,bregman_resnet20_tanh seed=0,1"
TINY = "dataset.n_val=4 dataset.n_train=null trainer.max_epochs=8 trainer.batch_size=10 attack.samples=4"


def make_table(images: Path, out: Path) -> list[str]:
    """The command, with the Python that runs this test instead of a new .venv."""
    words = f"dataset=image_folder dataset.root={images} {TINY} {ROWS}"
    return [
        *("make", "-s", "-o", ".venv/ready", f"BIN={Path(sys.executable).parent}", "table", "SCALE=small"),
        *(f"OUT={out}", f"ARGS={words}"),
    ]


def finished(command: list[str]) -> subprocess.CompletedProcess:
    wide = os.environ | {"COLUMNS": "400"}  # a narrow table comes in blocks
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, env=wide)
    assert done.returncode == 0, done.stderr
    return done


@contextmanager
def begun(command: list[str], log: Path) -> Iterator[subprocess.Popen]:
    """The command at work; at the end it is killed, with all its processes, without any warning."""
    with log.open("wb") as said:
        job = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said, start_new_session=True)
        try:
            yield job
        finally:
            os.killpg(job.pid, signal.SIGKILL)
            job.wait()


def wait_for_the_second_run(out: Path, job: subprocess.Popen) -> None:
    """Till one run is complete and another has a checkpoint."""
    end = time.monotonic() + 300
    while time.monotonic() < end and job.poll() is None:
        checkpoints = {path.parents[1] for path in out.rglob("last.ckpt")}
        complete = {path.parent for path in out.rglob("metrics.json")}
        if complete and checkpoints - complete:
            return
        time.sleep(0.02)
    raise AssertionError("no second run began to train")


@pytest.mark.slow
def test_killed_and_started_again(image_tree: Path, tmp_path: Path) -> None:
    command = make_table(image_tree, tmp_path / "killed")
    with begun(command, tmp_path / "log") as job:
        wait_for_the_second_run(tmp_path / "killed", job)
    (first,) = (tmp_path / "killed").rglob("metrics.json")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in first.parent.rglob("*.[jncp]*")}
    assert {path.name for path in before} >= {"metrics.json", "predictions.npz", "last.ckpt"}
    again = finished(command)
    assert again.stderr.count("(skipped as complete)") == 1
    logs = [log.read_text() for log in (tmp_path / "killed").rglob("run.log")]
    assert sum("resuming" in log for log in logs) == 1
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before
    whole = finished(make_table(image_tree, tmp_path / "entire"))
    assert again.stdout.replace("/killed/", "/entire/") == whole.stdout  # as long: the same lines
    assert whole.stdout.count("bregman_resnet20 (tanh)") == 1
    assert "8 epochs" in whole.stdout
