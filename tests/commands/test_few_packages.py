"""A run needs neither a tracker, nor the libraries of attacks, nor a usual terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
# what Python does where these packages are not installed
WITHOUT = """
import importlib.metadata, runpy, sys

missing, real = ("wandb", "tensorboard", "torchattacks", "pyautoattack"), importlib.metadata.version

def version(name):
    if name in missing:
        raise importlib.metadata.PackageNotFoundError(name)
    return real(name)

sys.modules.update(dict.fromkeys(missing))
importlib.metadata.version = version
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
FEW_CHARACTERS = {"PYTHONIOENCODING": "ascii", "MPLBACKEND": "module://matplotlib_inline.backend_inline"}


def test_a_run_with_attacks_of_our_own(tmp_path: Path) -> None:
    """On a terminal of few characters, with a notebook's backend."""
    command = [
        sys.executable,
        "-c",
        WITHOUT,
        str(ROOT / "train.py"),
        *TINY,
        "attack=paper",
        "attack.samples=4",
    ]
    environment = os.environ | FEW_CHARACTERS
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.rglob("metrics.json"))


@pytest.mark.parametrize(
    ("suite", "package"), [("autoattack", "pyautoattack"), ("torchattacks", "torchattacks")]
)
def test_an_attack_of_a_library_names_it(command, tmp_path, monkeypatch, suite: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    outcome = command("train", *TINY, f"attack={suite}")
    assert outcome.code == 1
    assert f"needs the package {package}, which is not installed; pip install {package}." in outcome.err
    assert "Traceback" not in outcome.err
    assert not list(tmp_path.rglob("config.yaml"))
