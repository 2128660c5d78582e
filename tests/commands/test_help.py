"""--help is a page with the choices, examples and next commands, and needs neither a model nor Lightning."""

import subprocess
import sys
from pathlib import Path

import pytest

import bregman_exp as bx
from tests.conftest import SCRIPTS


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("-m", "--help"), ("--info",), ("model=mlp", "-h")])
def test_the_page_of_training(command, words: tuple[str, ...], tmp_path) -> None:
    outcome = command("train", *words)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"bregman-exp {bx.__version__}: trains a network")
    assert "python train.py model=bregman_resnet20 act=softplus" in outcome.out
    lines = [line.split() for line in outcome.out.splitlines()]
    assert ["trainer", "cpu", "ddp", "gpu"] in lines
    assert max(map(len, outcome.out.splitlines())) <= 110
    assert not list(tmp_path.iterdir())


def test_the_page_of_evaluation_lists_the_attacks_with_their_settings(command) -> None:
    outcome = command("evaluate", "--help")
    assert outcome.code == 0
    assert "{attack: fmn, norm: linf | l2, eps: …, steps: 100}" in outcome.out.splitlines()


def test_version(command) -> None:
    assert command("train", "--version").out == f"bregman-exp {bx.__version__}\n"


def test_hydras_own_pages_are_still_there(command) -> None:
    assert "optim.lr" not in command("train", "model=mlp", "--cfg", "job").err
    assert "lr: 0.01" in command("train", "model=mlp", "--cfg", "job").out


def test_help_loads_neither_lightning_nor_pictures() -> None:
    heavy = ("pytorch_lightning", "torchvision", "matplotlib", "scipy.stats", "pandas", "wandb")
    code = (
        "import sys, runpy; sys.argv = ['train.py', '--help']\n"
        f"runpy.run_path({str(SCRIPTS.parent / 'train.py')!r}, run_name='__main__')\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_commands_are_typed_as_they_are_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files train.py and scripts/ are in a checkout alone."""
    from bregman_exp import terminal
    from bregman_exp.cli.help_page import help_page

    assert terminal.command("train") == ["python", "train.py"]
    assert terminal.command("report") == ["python", "scripts/report.py"]
    monkeypatch.setattr(terminal, "CHECKOUT", tmp_path)
    assert terminal.command("train") == ["bregman", "train"]
    page = help_page("train", ["--help"]) or ""
    assert "bregman table outputs" in page
    assert "scripts/" not in page
