"""What lies in a run's folder and is not of the run: another run's files, damage, what Lightning left."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from tests.commands.test_resume import interrupt_in_epoch
from tests.conftest import TINY

WORDS = (*TINY, "attack=none")


def run_of(place: Path, seed: int = 0) -> Path:
    (folder,) = place.rglob(f"seed-{seed}-*")
    return folder


def last(folder: Path) -> Path:
    return folder / "checkpoints" / "last.ckpt"


def accuracy(folder: Path) -> float:
    return json.loads((folder / "metrics.json").read_text())["clean"]["accuracy"]


def under_slurm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rank: str) -> None:
    tasks = {"NTASKS": "1", "PROCID": rank, "LOCALID": "0", "NODEID": "0", "NNODES": "1"}
    for name, value in {"JOB_ID": "77", "JOB_NAME": "job", **tasks}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    with_srun(monkeypatch, tmp_path)


def with_srun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text("#!/bin/sh\n")
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", f"{srun.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("seeds", [("seed=0",), ("seeds=0..1",)], ids=["alone", "together"])
def test_under_slurm_a_fresh_run_starts_afresh(command, tmp_path: Path, monkeypatch, seeds) -> None:
    assert command("train", *WORDS, "seed=1", "output_dir=other").code == 0
    assert command("train", *WORDS, *seeds, "output_dir=plain").code == 0
    under_slurm(monkeypatch, tmp_path, "0")
    shutil.copy(last(run_of(tmp_path / "other", 1)), tmp_path / "hpc_ckpt_1.ckpt")
    before = {path.name for path in tmp_path.iterdir()}
    outcome = command("train", *WORDS, *seeds, "output_dir=slurm")
    assert outcome.code == 0, outcome.err
    plain, slurm = (run_of(tmp_path / place) for place in ("plain", "slurm"))
    weights = [torch.load(last(folder), weights_only=True)["state_dict"] for folder in (plain, slurm)]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    assert accuracy(plain) == accuracy(slurm)
    assert {path.name for path in tmp_path.iterdir()} - before == {"slurm"}


def test_a_second_task_of_the_job_writes_as_the_first_would(command, tmp_path: Path, monkeypatch) -> None:
    from lightning_fabric.utilities.rank_zero import rank_zero_only

    under_slurm(monkeypatch, tmp_path, "1")
    monkeypatch.setattr(rank_zero_only, "rank", 1)  # what Lightning makes of it when it is imported
    assert command("train", *WORDS).code == 0
    assert len((run_of(tmp_path) / "metrics.csv").read_text().splitlines()) == 3


def test_srun_on_the_path_is_nothing_to_warn_of(command, tmp_path: Path, monkeypatch) -> None:
    with_srun(monkeypatch, tmp_path)
    outcome = command("train", *WORDS)
    assert outcome.code == 0, outcome.err
    assert "srun" not in outcome.err


def test_a_run_refuses_what_a_job_of_lightning_left_in_its_folder(
    command, tmp_path: Path, monkeypatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_in_epoch(0, patch, KeyboardInterrupt)
        assert command("train", *WORDS).code == 130
    (run_of(tmp_path) / "hpc_ckpt_1.ckpt").write_bytes(b"")
    outcome = command("train", *WORDS)
    assert outcome.code == 1
    assert "hpc_ckpt_1.ckpt was left by a job" in outcome.err
    assert not list(tmp_path.rglob("metrics.json"))


def interrupted(command, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    with monkeypatch.context() as patch:
        interrupt_in_epoch(1, patch, KeyboardInterrupt)
        assert command("train", *WORDS, *words).code == 130


def test_another_seeds_checkpoint_is_neither_resumed_nor_set_aside(command, tmp_path, monkeypatch) -> None:
    for seed in (0, 1):
        interrupted(command, monkeypatch, f"seed={seed}")
    own, other = (last(run_of(tmp_path, seed)) for seed in (0, 1))
    shutil.copy(other, own)
    before = own.read_bytes()
    outcome = command("train", *WORDS, "seed=0")
    assert outcome.code == 1
    assert f"{own.relative_to(tmp_path)} is of config_hash" in outcome.err
    assert "seed 1, where config_hash" in outcome.err
    assert "Traceback" not in outcome.err
    assert own.read_bytes() == before
    assert [path.name for path in own.parent.iterdir() if path.name != "best.ckpt"] == ["last.ckpt"]


@pytest.mark.parametrize("name", ["last", "best"])
def test_another_seeds_checkpoint_is_not_evaluated(command, tmp_path: Path, name: str) -> None:
    assert command("train", *WORDS, "seeds=0..1", f"eval.weights={name}").code == 0
    own, other = (run_of(tmp_path, seed) / "checkpoints" / f"{name}.ckpt" for seed in (0, 1))
    shutil.copy(other, own)
    outcome = command("evaluate", f"run={own.parents[1]}", "attack=none", f"weights={name}")
    assert outcome.code == 1
    assert "seed 1, where config_hash" in outcome.err
    assert not list(tmp_path.rglob("evaluations"))


def test_what_is_not_damage_stops_the_command(command, tmp_path: Path, monkeypatch) -> None:
    interrupted(command, monkeypatch)
    own = last(run_of(tmp_path))
    before = own.read_bytes()
    real = Path.read_bytes

    for error, said in (
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (MemoryError(), "memory"),
    ):

        def read(path: Path, error: BaseException = error) -> bytes:
            if path.name == "last.ckpt":
                raise error
            return real(path)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_bytes", read)
            outcome = command("train", *WORDS)
        assert outcome.code == 1
        assert said in outcome.err
        assert "Traceback" not in outcome.err
        assert own.read_bytes() == before
        assert not list(tmp_path.rglob("*.damaged*"))
    assert "resuming" in command("train", *WORDS).err


def test_every_damaged_checkpoint_is_kept(command, tmp_path: Path, monkeypatch) -> None:
    interrupted(command, monkeypatch)
    own = last(run_of(tmp_path))
    for damage in (b"first", b"second", b"third"):
        own.write_bytes(damage)
        interrupted(command, monkeypatch)
    kept = [own.with_name(f"last.ckpt.damaged{n}").read_bytes() for n in ("", "-2", "-3")]
    assert kept == [b"first", b"second", b"third"]


def test_a_crafted_state_removes_nothing(command, tmp_path: Path, monkeypatch) -> None:
    """best_model_path ends in "..": the next better epoch would remove the folder above."""
    interrupted(command, monkeypatch)
    folder = run_of(tmp_path)
    state = torch.load(last(folder), weights_only=True)
    for callback in state["callbacks"].values():
        if "best_model_path" in callback:
            evil = str(folder / "checkpoints" / "..")
            callback |= {"best_model_path": evil, "kth_best_model_path": evil, "last_model_path": evil}
            callback["best_k_models"] = {evil: torch.tensor(-1.0)}
    torch.save(state, last(folder))
    (folder / "notes.txt").write_text("precious")
    outcome = command("train", *WORDS)
    assert outcome.code == 0, outcome.err
    assert (folder / "notes.txt").read_text() == "precious"
    assert (folder / "metrics.json").exists()
