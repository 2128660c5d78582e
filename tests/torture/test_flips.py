"""One flipped bit in a file of a finished run: every figure is as before, or the run is named."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bregman_exp.analysis.figures.curves import learning_curves
from bregman_exp.runs import RunFolder
from bregman_exp.training.checkpoint import CheckpointError, read_checkpoint
from tests.conftest import Outcome
from tests.torture.evaluation import Evaluation
from tests.torture.trial import SHORT, WORDS, ended, names, trials

pytestmark = pytest.mark.torture

FLIPS, EVALUATED = 300, 20  # of each file; of a checkpoint or config, so many are evaluated, too
FILES = ("config.yaml", "metrics.json", "predictions.npz", "metrics.csv", "run.log")
FILES += ("checkpoints/last.ckpt", "checkpoints/best.ckpt")
FILES += ("evaluations/*/metrics.json", "evaluations/*/predictions.npz")
FAIR = ("as before", "named", "one sentence")
Command = Callable[..., Outcome]


@pytest.fixture
def run(command: Command, tmp_path: Path) -> Path:
    """A finished run with a later evaluation of its best weights."""
    assert command("train", *WORDS).code == 0
    folder = next(tmp_path.rglob("metrics.json")).parent
    assert command("evaluate", f"run={folder}", *SHORT, "weights=best").code == 0
    return folder


def flipped(data: bytes, draw: random.Random) -> bytes:
    place, bit = draw.randrange(len(data)), draw.randrange(8)
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


@pytest.mark.parametrize("name", FILES)
def test_flips(command: Command, script: Command, run: Path, name: str, endings: Counter[str]) -> None:
    (path,) = run.glob(name)
    data, draw, wrong = path.read_bytes(), random.Random(name), []
    readers: dict[str, Callable[[], Any]] = {
        "table": lambda: script("table", "outputs", "--format", "cells"),
        "status": lambda: script("status", "outputs"),
    }
    before = {which: read().out for which, read in readers.items()}
    held, weights = _content(path), "best" if path.stem == "best" else "last"
    costly = path.suffix == ".ckpt" or name == "config.yaml"
    evaluation = Evaluation(command, run, weights) if costly else None
    for number in range(trials(FLIPS)):
        path.write_bytes(flipped(data, draw))
        ways = {which: _ended(ended(read), before[which], run) for which, read in readers.items()}
        if held is not None:
            ways["file"] = _read_again(path, held)
        if evaluation and number < trials(EVALUATED):
            ways["evaluate"] = evaluation.way()
        endings.update(f"{which} {way}" for which, way in ways.items())
        wrong += [(number, which, way) for which, way in ways.items() if way not in FAIR]
    assert not wrong


def _ended(done: Outcome | str, before: str, run: Path) -> str:
    if isinstance(done, str):
        return done
    return "as before" if done.out == before else "named" if names(done, run) else "CHANGED"


def _content(path: Path) -> Any:
    """What the files hold that no table shows; None for the others."""
    if path.suffix == ".ckpt":
        return read_checkpoint(path)
    if path.name == "metrics.csv":
        return learning_curves(RunFolder(path.parent)).to_numpy()
    return None


def _read_again(path: Path, before: Any) -> str:
    try:
        now = _content(path)
    except (CheckpointError, ValueError) as error:
        return "named" if path.name in str(error) else f"unclear: {error}"
    return "as before" if _same(now, before) else "CHANGED"


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool((a == b).all()) if hasattr(a, "all") else a == b
