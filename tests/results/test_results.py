"""Run folders, whole files, and the table of what is there."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bregman_exp.results import NotARunError, RunBusyError, RunFolder, find_runs, results_table
from bregman_exp.results.atomic import write_json, write_text
from bregman_exp.results.record import environment
from bregman_exp.results.table import rows_of


def record(seed: int, clean: float, robust: float | None = 0.25, **changes: object) -> dict:
    entry = {
        "id": "pgd-linf-0.1",
        "accuracy": robust,
        "verdict": "unchecked" if robust is not None else "unreliable",
    }
    base = {
        "seed": seed,
        "model": "mlp",
        "act": "atan",
        "row_hash": "r",
        "weights": "last",
        "dataset": {"label": "two-spiral"},
        "train": {"epochs": 5},
        "clean": {"accuracy": clean, "n": 40},
        "robust": [entry],
    }
    return {**base, **changes}


def finish(path: Path, content: dict) -> RunFolder:
    folder = RunFolder(path)
    folder.begin("a: 1\n")
    folder.finish(content, {"id": np.arange(3)})
    return folder


def shown(runs: list[RunFolder]) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(results_table(runs))
    return capture.get()


def test_a_row_is_mean_and_sample_deviation_over_seeds() -> None:
    (row,) = rows_of([record(1, 0.8), record(0, 0.6), record(2, 0.7)])
    assert row.seeds == (0, 1, 2)
    assert str(row.clean) == "70.00 ± 10.00"
    assert [str(cell) for cell in row.robust.values()] == ["25.00 ± 0.00"]


def test_early_stopped_seeds_share_a_row_and_other_weights_do_not() -> None:
    stopped = [record(seed, 0.5) | {"train": {"epochs": epochs}} for seed, epochs in enumerate((17, 23, 19))]
    (row,) = rows_of(stopped)
    assert row.epochs == "17–23"
    assert len(rows_of([record(0, 0.5), record(1, 0.5) | {"weights": "best"}])) == 2


def test_attacks_of_other_settings_are_not_averaged() -> None:
    one, other = record(0, 0.5), record(1, 0.5, robust=0.35)
    other["robust"][0]["steps"] = 100
    (row,) = rows_of([one, other])
    assert [str(cell) for cell in row.robust.values()] == ["25.00 (n=1)", "35.00 (n=1)"]


def test_runs_that_differ_in_more_than_the_seed_are_not_mixed() -> None:
    records = [record(0, 0.5), record(0, 0.5, row_hash="other"), record(0, 0.5, act="tanh")]
    assert len(rows_of(records)) == 3
    assert len(rows_of([record(0, 0.5), record(1, 0.5) | {"clean": {"accuracy": 0.5, "n": 20}}])) == 2


def test_a_number_that_failed_verification_is_marked_and_not_averaged(tmp_path: Path) -> None:
    runs = [finish(tmp_path / "a", record(0, 0.5)), finish(tmp_path / "b", record(1, 0.7, robust=None))]
    text = shown(runs)
    assert "60.00 ± 14.14" in text
    assert "25.00 (n=1) UNRELIABLE" in text


def test_only_the_attacks_asked_for(tmp_path: Path) -> None:
    runs = [finish(tmp_path / "a", record(0, 0.5))]
    assert "25.00" in shown(runs)
    with pytest.raises(ValueError, match="starts with 'fgm'"):
        results_table(runs, "fgm")


def test_a_run_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    runs = [finish(tmp_path / name, record(0, 0.5)) for name in ("a", "b")]
    text = " ".join(shown(runs).split())
    assert "1 runs are there twice" in text
    assert "±" not in text


def test_a_loggers_config_inside_a_run_is_no_run(tmp_path: Path) -> None:
    run = finish(tmp_path / "a", record(0, 0.5))
    (run.path / "wandb").mkdir()
    (run.path / "wandb" / "config.yaml").write_text("a: 1")
    assert [found.path for found in find_runs(tmp_path)] == [run.path]


def test_incomplete_runs_are_counted(tmp_path: Path) -> None:
    RunFolder(tmp_path / "open").begin("a: 1\n")
    runs = [*find_runs(tmp_path), finish(tmp_path / "done", record(0, 0.5))]
    assert "1 runs are not complete" in " ".join(shown(runs).split())


def test_find_runs_passes_over_evaluations(tmp_path: Path) -> None:
    run = finish(tmp_path / "evaluations" / "seed-0", record(0, 0.5))  # whatever the folders are called
    run.evaluation("curve-1").finish(record(0, 0.5), {})
    assert [found.path for found in find_runs(tmp_path, tmp_path / "evaluations")] == [run.path]


def test_a_folder_is_locked_for_others(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bregman_exp.results import RunFolder, RunBusyError\n"
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
    folder = finish(tmp_path, record(0, 0.5))
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
