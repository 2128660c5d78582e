"""scripts/bench.py from beginning to end, with settings that measure nothing worth knowing."""

import json
import os
import subprocess
import sys
from itertools import groupby
from math import isfinite
from pathlib import Path

import pytest

from benchmarks import command, family
from benchmarks.options import SUBJECTS, Options, parse
from benchmarks.row import Row
from bregman_exp.data import DataError

ROOT = Path(__file__).parents[2]
TINY = (
    *("--threads", "1", "--batch", "2", "--rounds", "1", "--seconds", "0.1", "--modes", "plain"),
    *("--samples", "4", "--train-steps", "1", "--seeds", "2", "--lightning-steps", "1"),
)
FOUND = {"training step", "inference", "pipeline", "evaluation", "mlp step", "lightning", "cost"}


@pytest.mark.slow
def test_every_subject_comes_to_a_figure(tmp_path: Path) -> None:
    file = tmp_path / "new" / "bench.json"
    words = (sys.executable, "scripts/bench.py", "--json", str(file), *TINY)
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    content = json.loads(file.read_text())
    assert set(content["machine"]) == {"cpu", "cores", "threads", "python", "torch", "dtype", "commit"}
    assert content["machine"]["threads"] == 1
    assert {line["subject"] for line in content["rows"]} == FOUND
    assert all(line["value"] >= 0 and min(line["ratios"].values(), default=1) > 0 for line in content["rows"])
    assert all(isfinite(figure) for line in content["rows"] for figure in line["details"].values())
    assert all(line["case"] in done.stdout for line in content["rows"])
    steps = [line for line in content["rows"] if line["subject"] in ("training step", "inference")]
    assert all(line["details"]["times the floor"] > 0 for line in steps)
    attacked = [line["details"] for line in content["rows"] if line["unit"] == "samples/s"]
    assert all(
        0 <= details["robust accuracy"] <= 1 and details["evaluations a sample"] > 0 for details in attacked
    )


def run_with(monkeypatch: pytest.MonkeyPatch, second, file: Path) -> None:
    """The benchmark of two subjects, the second of which does what is given."""
    first = Row("step", "a case", 1.5, "ms", {}, None, 5, False)
    monkeypatch.setattr(command, "ROWS", {"step": lambda options: [first], "mlp": second})
    monkeypatch.setattr(
        sys, "argv", ["bench.py", "--what", "step,mlp", "--json", str(file), "--threads", "1"]
    )
    command.bench()


def test_an_interrupted_run_leaves_what_it_had_finished(monkeypatch, tmp_path: Path) -> None:
    def interrupted(options: Options) -> list[Row]:
        raise KeyboardInterrupt

    file = tmp_path / "bench.json"
    file.write_text("of an earlier run")
    with pytest.raises(KeyboardInterrupt):
        run_with(monkeypatch, interrupted, file)
    assert [line["case"] for line in json.loads(file.read_text())["rows"]] == ["a case"]
    assert list(tmp_path.iterdir()) == [file]


def test_damaged_images_are_told_in_a_sentence(monkeypatch, tmp_path: Path) -> None:
    def damaged(options: Options) -> list[Row]:
        raise DataError("dataset.root: x/1.png is not a readable image; repair or remove it.")

    with pytest.raises(SystemExit, match=r"^--images: x/1\.png is not a readable image"):
        run_with(monkeypatch, damaged, tmp_path / "bench.json")


@pytest.mark.parametrize(
    ("word", "value", "said"),
    [
        ("--what", "step,speed", "speed: choose from step, pipeline, evaluation, mlp, lightning, cost"),
        ("--modes", "slow", "slow: choose from plain, fast"),
        ("--batch", "0", "0: give a whole number of at least 1"),
        ("--rounds", "1.5", "1.5: give a whole number of at least 1"),
        ("--seconds", "nan", "nan: give a number above 0"),
        ("--spread", "small", "small: give a number above 0"),
        ("--images", "nowhere", "there is no folder nowhere/train"),
        ("--json", ".", ". is a folder"),
    ],
)
def test_a_wrong_word_is_told(capsys: pytest.CaptureFixture, word: str, value: str, said: str) -> None:
    with pytest.raises(SystemExit):
        parse([word, value])
    assert f"argument {word}: {said}" in capsys.readouterr().err


def test_what_one_may_say() -> None:
    options = parse(["--what", "mlp,step", "--spread", "0.1", "--rounds", "7", "--json", "x.json"])
    assert options.what == ("mlp", "step")
    assert (options.limits.spread, options.limits.rounds, options.json) == (0.1, 7, Path("x.json"))
    assert parse([]).what == SUBJECTS


def test_every_version_of_a_model_beside_the_standard_one() -> None:
    options = parse(
        ["--what", "family", "--models", "mlp", "--batch", "2", "--rounds", "1", "--modes", "plain"]
    )
    training, inference = [
        list(lines) for _, lines in groupby(family.rows(options), lambda line: line.subject)
    ]
    for lines in (training, inference):
        assert [line.case for line in lines] == ["mlp, plain", "bregman_mlp, plain", "euclidean_mlp, plain"]
        assert [list(line.ratios) for line in lines] == [[], ["standard"], ["standard"]]
        assert all(line.details == {"parameters": "48", "multiply-adds": "32"} for line in lines)
