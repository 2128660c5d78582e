"""Run folders and whole files."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bregman_exp.runs import NotARunError, RunBusyError, RunFolder, find_runs
from bregman_exp.runs.atomic import write_json, write_text
from bregman_exp.runs.record import environment

RECORD = {"seed": 0, "clean": {"accuracy": 0.5, "n": 40}, "robust": []}


def finish(path: Path, content: dict) -> RunFolder:
    folder = RunFolder(path)
    folder.begin("a: 1\n")
    folder.finish(content, {"id": np.arange(3)})
    return folder


def test_a_loggers_config_inside_a_run_is_no_run(tmp_path: Path) -> None:
    run = finish(tmp_path / "a", RECORD)
    (run.path / "wandb").mkdir()
    (run.path / "wandb" / "config.yaml").write_text("a: 1")
    assert [found.path for found in find_runs(tmp_path)] == [run.path]


def test_find_runs_passes_over_evaluations(tmp_path: Path) -> None:
    run = finish(tmp_path / "evaluations" / "seed-0", RECORD)  # whatever the folders are called
    run.evaluation("curve-1").finish(RECORD, {})
    assert [found.path for found in find_runs(tmp_path, tmp_path / "evaluations")] == [run.path]


def test_a_folder_is_locked_for_others(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bregman_exp.runs import RunFolder, RunBusyError\n"
        "try:\n    RunFolder(Path(sys.argv[1])).locked().__enter__()\n"
        "except RunBusyError as error: print(error)"
    )
    with RunFolder(tmp_path).locked():
        found = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
        assert "is being written by another process" in found.stdout
    with RunFolder(tmp_path).locked(), pytest.raises(RunBusyError), RunFolder(tmp_path).locked():
        pass


def test_failures_are_recorded_and_forgotten(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    error = ArithmeticError("bad")
    error.epoch, error.step = 3, 17  # type: ignore[attr-defined]
    folder.fail(error)
    told = json.loads(folder.failure.read_text())
    assert (told["error"], told["epoch"], told["step"]) == ("ArithmeticError: bad", 3, 17)
    folder.begin("a: 1\n")
    assert not folder.failure.exists()


def test_files_are_whole_or_not_there(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "metrics.json"
    write_json(file, {"ε": 1.0})
    assert json.loads(file.read_text()) == {"ε": 1.0}
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(file, {"x": float("nan")})
    with pytest.raises(UnicodeEncodeError):
        write_text(file, "\ud800")
    assert json.loads(file.read_text()) == {"ε": 1.0}
    assert list(file.parent.iterdir()) == [file]


def test_damaged_metrics_say_so(tmp_path: Path) -> None:
    folder = finish(tmp_path, RECORD)
    folder.metrics.write_text('{"seed": ')
    with pytest.raises(NotARunError, match="is damaged; remove it"):
        folder.read_metrics()


def test_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(NotARunError, match=r"is not a run: it has no config\.yaml"):
        RunFolder.existing(tmp_path)


def test_environment_names_the_versions() -> None:
    import torch

    told = environment("cpu")
    assert told["torch"] == torch.__version__.split("+")[0]
    assert told["python"] == ".".join(map(str, sys.version_info[:3]))
    assert told["device"] == "cpu"
