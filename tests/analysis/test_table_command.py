"""python scripts/table.py: places, formats, files, and mistakes in one sentence."""

import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.analysis.table_runs import paper, row

SCRIPT = Path(__file__).parents[2] / "scripts" / "table.py"


@dataclass
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Callable[..., Outcome]:
    """The script with these words, in this process: its exit code and what it said."""

    def called(*words: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words])
        code, sentence = 0, ""
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as end:  # of a sentence Python prints it, with code 1
            code, sentence = (1, f"{end.code}\n") if isinstance(end.code, str) else (int(end.code or 0), "")
        out, err = capfd.readouterr()
        return Outcome(code, out, err + sentence)

    return called


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    place = tmp_path / "outputs"
    row(place, [90, 92], robust=paper(40, 50))
    row(place, [91, 95], "bregman_resnet20", "tanh", robust=paper(41, 51))
    return place


def test_the_runs_of_outputs_on_the_terminal(outputs: Path) -> None:
    words = [sys.executable, str(SCRIPT), "--attack", "pgd-linf"]
    done = subprocess.run(words, cwd=outputs.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "bregman_resnet20 (tanh)" in done.stdout
    assert "41.00 ± 0.00" in done.stdout
    assert "51.00" not in done.stdout


def test_globs_and_files(command, outputs: Path) -> None:
    for name, start in (
        ("t.md", "CIFAR-10: accuracy"),
        ("t.tex", "% inside"),
        ("t.csv", "run,state,"),
        ("t.html", "<figure"),
        ("t.txt", "CIFAR-10: accuracy"),
    ):
        file = outputs.parent / "made" / name
        done = command(f"{outputs}/*resnet20-*/seed-[01]-*", "--baseline", "none", "--output", str(file))
        assert done.code == 0, done.err
        assert done.out == ""
        assert file.read_text().startswith(start)
    assert {file.name for file in file.parent.iterdir()} == {"t.md", "t.tex", "t.csv", "t.html", "t.txt"}


def test_a_format_that_is_asked_for(command, outputs: Path) -> None:
    assert command(str(outputs), "--format", "cells").out.startswith("table,")
    ignored = command(str(outputs), "--format", "csv", "--attack", "pgd-linf")
    assert (ignored.code, "do not apply; leave them out, or use --format cells" in ignored.err) == (1, True)


def test_mistakes_are_told_in_one_sentence(command, outputs: Path, tmp_path: Path) -> None:
    row(tmp_path / "other", [50], train={"epochs": 1})
    (tmp_path / "empty").mkdir()
    for words, said in (
        (("nowhere",), "there is no folder nowhere"),
        ((str(tmp_path / "empty"),), "there are no runs in"),
        ((str(outputs), "--attack", "square"), "starts with 'square'"),
        ((str(outputs), "--baseline", "vgg"), "no row is --baseline 'vgg'"),
        ((str(outputs), "--format", "xml"), "invalid choice: 'xml'"),
        ((str(outputs), "--output", str(outputs)), "Is a directory"),
        ((str(outputs), str(tmp_path / "other")), "differ in epochs: 182"),
    ):
        done = command(*words)
        assert done.code == 1
        assert said in done.err
        assert done.err.count("\n") == 1, done.err
        assert done.out == ""
    assert command(str(outputs), str(tmp_path / "other"), "--split").out.count("accuracy in percent") == 2
