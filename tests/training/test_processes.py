"""Several processes train one network: they end with the one that has the lock, and say what they average."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

from bregman_exp.config import ConfigError
from bregman_exp.processes import ending_its_children
from tests.config.test_config import composed, hash_of
from tests.conftest import TINY

TWO = ("trainer.devices=2", "trainer.strategy=ddp_spawn")
CHILD = """
import time
from pathlib import Path
from bregman_exp.processes import end_with_parent
end_with_parent({parent})
for number in range(3000):
    Path("work").write_text(str(number))
    time.sleep(0.02)
"""
PARENT = f"""
import os, subprocess, sys
subprocess.run([sys.executable, "-c", {CHILD!r}.format(parent=os.getpid())])
"""
LOST = """
import os, signal
from bregman_exp.processes import ending_by_signals
class Loses:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
with ending_by_signals():
    Loses()
    for number in range(1, 9):
        print(number, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
"""
LATE = """
import os, signal
from bregman_exp.processes import ending_by_signals
class Late:  # it goes when Python clears its modules
    def __del__(self, kill=os.kill, own=os.getpid(), number=signal.SIGTERM):
        kill(own, number)
late = Late()
with ending_by_signals():
    os.kill(os.getpid(), signal.SIGTERM)
"""
WATCHING = """
import os, threading
from bregman_exp.processes import end_with_parent
for job in range(3):
    end_with_parent(os.getppid())
print(threading.active_count())
"""


def wait_for(place: Path, name: str) -> Path:
    end = time.monotonic() + 90
    while not list(place.rglob(name)):
        assert time.monotonic() < end
        time.sleep(0.05)
    return next(place.rglob(name))


def test_a_process_ends_with_its_parent(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=tmp_path) as process:
        work = wait_for(tmp_path, "work")
        process.kill()
    time.sleep(1.5)
    before = work.read_text()
    time.sleep(0.3)
    assert work.read_text() == before


def test_a_signal_that_python_lost_does_not_make_the_process_immortal() -> None:
    ended = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True, timeout=60)
    assert ended.stdout.splitlines() == ["1", "2", "3"]
    assert ended.returncode == -signal.SIGTERM


def test_a_signal_while_python_ends_does_not_change_the_exit_code() -> None:
    assert subprocess.run([sys.executable, "-c", LATE]).returncode == 143


def test_a_process_watches_its_parent_once() -> None:
    watching = [sys.executable, "-c", WATCHING]
    assert subprocess.run(watching, capture_output=True, text=True, timeout=60).stdout.strip() == "2"


def test_what_was_started_within_has_ended_before_the_exception_goes_on() -> None:
    spawn = get_context("spawn")
    earlier = spawn.Process(target=time.sleep, args=(60,))
    earlier.start()
    try:
        within = spawn.Process(target=time.sleep, args=(60,))
        with suppress(SystemExit), ending_its_children():
            within.start()
            sys.exit(143)
        assert within.exitcode == -signal.SIGKILL
        assert earlier.is_alive()
    finally:
        earlier.kill()
        earlier.join()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_the_processes_of_a_training_end_with_the_one_that_has_the_lock(
    tmp_path: Path, number: int, code: int
) -> None:
    door = str(Path(__file__).parents[2] / "train.py")
    words = (*TINY, *TWO, "trainer.max_epochs=100000", "attack=none")
    with subprocess.Popen([sys.executable, door, *words], cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        last = wait_for(tmp_path, "last.ckpt")
        process.send_signal(number)
        try:
            assert process.wait(timeout=60) == code
        finally:
            process.kill()
    if number == signal.SIGKILL:  # the workers look at their parent now and then
        time.sleep(3)
    before = last.stat().st_mtime_ns
    time.sleep(2)
    assert last.stat().st_mtime_ns == before


@pytest.mark.slow
def test_a_resnet_says_that_each_process_has_its_own_statistics(command, image_tree: Path) -> None:
    words = ("model=resnet20", "dataset=image_folder", f"dataset.root={image_tree}", "dataset.n_val=4")
    outcome = command("train", *words, *TWO, "trainer.max_epochs=1", "trainer.batch_size=4", "attack=none")
    assert outcome.code == 0, outcome.err
    assert "each of the 2 processes normalises by the statistics of its own part of a batch" in outcome.err


def test_gpus_normalise_by_the_whole_batch() -> None:
    assert composed("model=resnet20", "trainer=ddp").trainer.sync_batchnorm
    with pytest.raises(ConfigError, match=r"sync_batchnorm=true needs GPUs"):
        composed("model=resnet20", *TWO, "trainer.sync_batchnorm=true")
    own = "trainer.sync_batchnorm=false"
    assert hash_of("model=resnet20", "trainer=ddp") != hash_of("model=resnet20", "trainer=ddp", own)
