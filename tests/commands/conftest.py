"""Runs that several tests of pictures and reports look at."""

import shutil
from pathlib import Path

import pytest

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
