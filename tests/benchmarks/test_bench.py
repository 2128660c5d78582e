"""scripts/bench.py from beginning to end, with settings that measure nothing worth knowing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.options import SUBJECTS, parse

ROOT = Path(__file__).parents[2]
TINY = (
    *("--threads", "1", "--batch", "2", "--rounds", "1", "--seconds", "0.1", "--modes", "plain"),
    *("--samples", "4", "--train-steps", "1", "--seeds", "2", "--lightning-steps", "1"),
)
FOUND = {"training step", "inference", "pipeline", "evaluation", "mlp step", "lightning"}


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
    assert all(line["case"] in done.stdout for line in content["rows"])
    attacked = [line["told"] for line in content["rows"] if line["unit"] == "samples/s"]
    assert all(0 <= told["robust accuracy"] <= 1 and told["evaluations a sample"] > 0 for told in attacked)


def test_a_wrong_word_is_told(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        parse(["--what", "step,speed"])
    assert "step, pipeline, evaluation, mlp, lightning" in capsys.readouterr().err


def test_what_one_may_say() -> None:
    options = parse(["--what", "mlp,step", "--spread", "0.1", "--rounds", "7", "--json", "x.json"])
    assert options.what == ("mlp", "step")
    assert (options.limits.spread, options.limits.rounds, options.json) == (0.1, 7, Path("x.json"))
    assert parse([]).what == SUBJECTS
