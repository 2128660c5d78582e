"""Training and the attacks of our own need neither a tracker nor the libraries of attacks."""

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


def test_a_run_with_attacks_of_our_own(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT, str(ROOT / "train.py"), *TINY, "attack=paper"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
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
