"""A kill at any change of a file: the same command once more, and all is as if nothing had happened."""

import json
import os
import random
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bregman_exp import cli
from tests.torture.trial import SHORT, WORDS, trials

pytestmark = [
    pytest.mark.torture,
    # Python 3.12 warns of it: the child has this thread alone, and computes with it alone
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

KILLS = 200  # of all scenes together
SCENES = ("alone", "together", "evaluated")
CHANGES = {
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.truncate",
    "os.link",
    "os.symlink",
}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NOT_FIGURES = ("environment", "files", "sha256")
TIMES = {"seconds", "samples_per_second", "forms"}


def words_of(scene: str, place: Path) -> tuple[str, ...]:
    if scene == "evaluated":
        (run,) = place.glob("outputs/*/*/seed-*")
        return f"run={run}", *SHORT, "weights=best"
    return (*WORDS, "seeds=0..1") if scene == "together" else WORDS


class Events:
    """Counts what changes a file below the working folder; kills this process at number ``last``.

    A kill comes before the change; at an fsync, half of the time, what is in the file is cut to its half.
    """

    def __init__(self, last: int | None):
        self.here, self.last, self.seen = os.getcwd(), last, 0
        self._fsync, os.fsync = os.fsync, self.fsync
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and arguments[2] & WRITES):
            path = arguments[0]
            if not isinstance(path, int) and os.path.abspath(os.fsdecode(path)).startswith(self.here):
                self.count()

    def fsync(self, file: Any) -> None:
        handle = file if isinstance(file, int) else file.fileno()
        if self.seen == self.last and self.seen % 2:
            os.ftruncate(handle, os.fstat(handle).st_size // 2)
        self.count()
        self._fsync(handle)

    def count(self) -> None:
        if self.seen == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.seen += 1


def in_a_fork(scene: str, place: Path, last: int | None = None) -> tuple[int | str, int]:
    """Runs the scene's command in ``place``: its exit code or "killed", and the number of events."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.chdir(place)
            _say_into(place.with_name("said.txt"))
            sys.argv = ["command", *words_of(scene, place)]
            events, code = Events(last), 0
            try:
                (cli.evaluate if scene == "evaluated" else cli.train)()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            os.write(writer, str(events.seen).encode())
            os._exit(code)
        finally:
            os._exit(99)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        seen = pipe.read()
    _, status = os.waitpid(child, 0)
    return "killed" if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status), int(seen or 0)


def _say_into(file: Path) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(handle, number)
    sys.stdout = sys.stderr = open(handle, "w")  # noqa: SIM115 (until the process ends)


def figures(place: Path) -> dict[str, Any]:
    """All that the files below hold, but for times; hidden ones and what was said are no figures."""
    said = ("run.log", "run.json")  # what a command said, and what was said to it
    files = [file for file in sorted(place.rglob("*")) if file.is_file() and file.name not in said]
    return {str(file.relative_to(place)): _content(file) for file in files if not file.name.startswith(".")}


def _content(file: Path) -> Any:
    if file.name == "metrics.json":
        record = json.loads(file.read_text())
        return _without_times({key: value for key, value in record.items() if key not in NOT_FIGURES})
    if file.suffix == ".npz":
        return {name: array.tobytes() for name, array in np.load(file).items()}
    if file.suffix == ".ckpt":
        state = torch.load(file, weights_only=True)["state_dict"]
        return {name: tensor.numpy().tobytes() for name, tensor in state.items()}
    if file.name == "metrics.csv":
        return [line.rpartition(",")[0] for line in file.read_text().splitlines()]
    return file.read_bytes()


def _without_times(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _without_times(value) for key, value in content.items() if key not in TIMES}
    return [_without_times(value) for value in content] if isinstance(content, list) else content


@pytest.fixture
def begin(tmp_path: Path) -> Path:
    """A folder with nothing in it, to be copied; for an evaluation, with a trained run."""
    (tmp_path / "begin").mkdir()
    return tmp_path / "begin"


def copied(begin: Path, name: str) -> Path:
    return Path(shutil.copytree(begin, begin.with_name(name), symlinks=True))


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("scene", SCENES)
def test_kills(begin: Path, scene: str, part: int, endings: Counter[str]) -> None:
    if scene == "evaluated":
        assert in_a_fork("alone", begin)[0] == 0
    whole = copied(begin, "whole")
    code, events = in_a_fork(scene, whole)
    assert (code, events > 20) == (0, True), whole.with_name("said.txt").read_text()
    expected = figures(whole)
    draw, wrong = random.Random(f"{scene} {part}"), []
    order = draw.sample(range(events), events)
    each = -(-KILLS // (2 * len(SCENES)))
    for number in range(trials(each)):
        # every event has its turn before one comes again
        kills = [order[(number + part * each) % events]]
        kills += [draw.randrange(events)] * (number % 4 == 3)  # every fourth is killed twice
        way = _killed_and_repeated(copied(begin, f"try-{number}"), scene, kills, expected)
        endings[way] += 1
        wrong += [(kills, way)] * (way != "as if undisturbed")
    endings["events"] = events
    assert not wrong


def _killed_and_repeated(place: Path, scene: str, kills: list[int], expected: dict[str, Any]) -> str:
    said = place.with_name("said.txt")
    said.unlink(missing_ok=True)
    for last in kills:
        in_a_fork(scene, place, last)
    code, _ = in_a_fork(scene, place)
    if code != 0:
        return f"exit code {code}: {said.read_text()[-300:]}"
    now = figures(place)
    other = sorted(name for name in now.keys() | expected.keys() if now.get(name) != expected.get(name))
    return f"other {other}" if other else "as if undisturbed"
