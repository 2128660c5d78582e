"""How a command ends by signals."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import TINY

DOOR = Path(__file__).parents[2] / "train.py"
LONG = (*TINY, "trainer.max_epochs=100000", "attack=none")


def started(tmp_path: Path, *words: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(DOOR), *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.default_int_handler
        ),  # a background job ignores it
    )


def wait_for(tmp_path: Path, name: str, runs: int = 1) -> None:
    """Until so many runs have the file: on a busy machine a launcher takes a minute to begin."""
    end = time.monotonic() + 180
    while len(list(tmp_path.rglob(name))) < runs:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_signal_has_its_exit_code_and_no_traceback(tmp_path: Path, number: int, code: int) -> None:
    with started(tmp_path, *LONG) as process:
        wait_for(tmp_path, "last.ckpt")
        for _ in range(3):  # an impatient user's
            process.send_signal(number)
            time.sleep(0.1)
        _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "Traceback" not in err


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="only Linux shows what is loaded")
def test_ctrl_c_while_importing_prints_no_traceback(tmp_path: Path) -> None:
    with started(tmp_path, *LONG) as process:
        end, maps = time.monotonic() + 60, Path(f"/proc/{process.pid}/maps")
        while "libtorch" not in maps.read_text():  # it is at the longest of the imports
            assert time.monotonic() < end
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_workers_of_a_sweep_end_with_it(tmp_path: Path, number: int) -> None:
    sweep = ("-m", *LONG, "seed=0,1,2,3", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    with started(tmp_path, *sweep) as process:
        wait_for(tmp_path, "last.ckpt", runs=2)
        process.send_signal(number)
        process.wait(timeout=60)
        time.sleep(2)
        before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("last.ckpt")}
        time.sleep(1)
    assert process.returncode == (143 if number == signal.SIGTERM else -number)
    assert len(before) == 2  # nobody has begun another
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("last.ckpt")} == before
