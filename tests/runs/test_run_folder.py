"""Run folders and whole files."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from bregman_exp.runs import NotARunError, RunBusyError, RunFolder, find_runs
from bregman_exp.runs.atomic import write_json, write_text
from bregman_exp.runs.record import environment
from tests.analysis.table_runs import added, run


def test_what_is_a_run(tmp_path: Path) -> None:
    own = run(tmp_path / "evaluations" / "seed-0", 80)  # whatever the folders are called
    added(own, "curve-1", 80, [])
    (own.path / "wandb").mkdir()
    (own.path / "wandb" / "config.yaml").write_text("a: 1")
    assert [result.path for result in find_runs(tmp_path, tmp_path / "evaluations")] == [own.path]
    with pytest.raises(NotARunError, match=r"is not a run: it has no config\.yaml"):
        RunFolder.existing(tmp_path)


def test_a_folder_is_locked_for_others(tmp_path: Path) -> None:
    with RunFolder(tmp_path).locked():
        assert RunFolder(tmp_path).busy
        with pytest.raises(RunBusyError, match="by another process; wait"), RunFolder(tmp_path).locked():
            pass
    assert not RunFolder(tmp_path).busy


@pytest.mark.parametrize(
    "inside", ["checkpoints", "metrics.json", ".lock", "evaluations", "metrics.csv", "evaluations/curve-1"]
)
def test_nothing_is_written_through_a_link(tmp_path: Path, inside: str) -> None:
    outside, link = tmp_path / "outside", tmp_path / "run" / inside
    outside.mkdir() if "." not in inside else outside.write_text("precious")
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    folder = RunFolder(link if "/" in inside else tmp_path / "run")
    with pytest.raises(NotARunError, match=f"{inside} is a link, and nothing is written"), folder.locked():
        pass
    assert not folder.busy
    assert not list(outside.iterdir()) if outside.is_dir() else outside.read_text() == "precious"


def test_failures_are_recorded_and_forgotten(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    error = ArithmeticError("bad")
    error.epoch, error.step = 3, 17  # type: ignore[attr-defined]
    folder.fail(error)
    content = json.loads(folder.failure.read_text())
    assert (content["error"], content["epoch"], content["step"]) == ("ArithmeticError: bad", 3, 17)
    folder.begin("a: 1\n")
    assert not folder.failure.exists()


def test_files_are_whole_or_not_there(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "metrics.json"
    write_json(file, {"ε": 1.0})
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(file, {"x": float("nan")})
    with pytest.raises(UnicodeEncodeError):
        write_text(file, "\ud800")
    assert json.loads(file.read_text()) == {"ε": 1.0}
    assert list(file.parent.iterdir()) == [file]


def test_environment_names_the_versions() -> None:
    result = environment("cpu")
    assert result["torch"] == version("torch")
    assert result["python"] == ".".join(map(str, sys.version_info[:3]))
    assert result["device"] == "cpu"
