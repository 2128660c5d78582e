"""Runs that several tests of pictures and reports look at; and a command that is killed."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bregman_exp.runs import RunFolder, find_runs
from tests.conftest import TINY, train_in

SMALL = ("dataset=two_spiral", *TINY[1:], "attack=none")
SWEEP = ("model=mlp,bregman_mlp", "seed=0,1", "++model.init=deterministic", "optim.lr=0.05", "attack=paper")


@pytest.fixture(scope="session")
def sweep_outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("sweep")
    train_in(home, "-m", *SWEEP, "dataset=two_spiral", *TINY[1:])
    return home / "outputs"


@pytest.fixture
def sweep(sweep_outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunFolder]:
    """Two Bregman and two standard MLPs, trained by SWEEP, in outputs/ of the test's own folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(sweep_outputs, tmp_path / "outputs")
    return find_runs(Path("outputs"))


def killed(kind: type, step: str, number: int, run: Callable[[], object]) -> None:
    """Runs a command in a fork of this process, which SIGKILL ends where it calls ``kind.step`` once more.

    Python 3.12 warns of a fork, but the child has this thread alone, and computes with it alone.
    """
    child = os.fork()
    if not child:
        try:
            torch.set_num_threads(1)
            setattr(kind, step, _fatal(getattr(kind, step), number))
            run()
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def _fatal(real: Callable[..., object], number: int) -> Callable[..., object]:
    calls = []

    def step(*args: object) -> object:
        calls.append(args)
        if len(calls) > number:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)

    return step
