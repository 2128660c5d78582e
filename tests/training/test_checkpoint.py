"""Checkpoints: the seal, the identity, and that they name no paths."""

import io
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from bregman_exp.training.checkpoint import (
    CheckpointError,
    DamagedCheckpointError,
    load_weights,
    read_checkpoint,
    training_facts,
)
from bregman_exp.training.checkpoint_writing import AtomicCheckpoints, EpochCheckpoint

SEED_0 = {"config_hash": "0123456789ab", "seed": 0}
SEED_1 = {"config_hash": "ba9876543210", "seed": 1}


def content(seed: int = 0) -> dict:
    torch.manual_seed(seed)
    weights = {f"model.{name}": value for name, value in nn.Linear(5, 3).state_dict().items()}
    training = {"epoch": 1, "global_step": 8, "train_seconds": 0.5, "callbacks": {}}
    return {"state_dict": weights, **training}


def written(folder: Path, name: str = "last", identity: dict = SEED_0) -> Path:
    path = folder / f"{name}.ckpt"
    AtomicCheckpoints(folder, identity).save_checkpoint(content(identity["seed"]), path)
    return path


def flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1 << (place % 8)
    return bytes(changed)


def is_first_content(path: Path) -> bool:
    read = read_checkpoint(path, SEED_0)["state_dict"]
    return all(torch.equal(read[name], value) for name, value in content()["state_dict"].items())


def test_what_is_written_is_what_torch_reads(tmp_path: Path) -> None:
    path = written(tmp_path)
    read = torch.load(path, weights_only=True)
    assert torch.equal(read["state_dict"]["model.weight"], content()["state_dict"]["model.weight"])
    assert read["run"] == SEED_0
    with zipfile.ZipFile(path) as archive:  # still an archive, for any reader
        assert archive.testzip() is None
        assert archive.comment.startswith(b"sha256:")
    assert is_first_content(path)
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_flipped_bit_anywhere_is_damage(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    for place in [*range(0, len(data), 23), *range(len(data) - 100, len(data))]:
        path.write_bytes(flipped(data, place))
        with pytest.raises(DamagedCheckpointError, match="is damaged"):
            read_checkpoint(path, SEED_0)


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, -1, -72])
def test_a_part_of_a_file_is_damage(tmp_path: Path, keep: float) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if keep == 0.5 else int(keep)])
    with pytest.raises(DamagedCheckpointError):
        read_checkpoint(path)


def test_an_older_file_without_a_seal_is_held_by_its_checksums(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    torch.save(content(), path)
    assert is_first_content(path)
    data, errors = path.read_bytes(), 0
    for place in range(0, len(data), 97):
        path.write_bytes(flipped(data, place))
        try:
            assert is_first_content(path), place
        except CheckpointError:
            errors += 1
    assert errors > 5


def test_the_checkpoint_of_another_run_is_never_loaded(tmp_path: Path) -> None:
    path = written(tmp_path, identity=SEED_1)
    said = (
        r"is of config_hash ba9876543210, seed 1, where config_hash 0123456789ab, seed 0 is expected; bring"
    )
    model = nn.Linear(5, 3)
    before = model.weight.clone()
    for read in (
        lambda: read_checkpoint(path, SEED_0),
        lambda: load_weights(path, model, SEED_0),
        lambda: training_facts(path, SEED_0),
        lambda: AtomicCheckpoints(tmp_path, SEED_0).load_checkpoint(str(path)),
    ):
        with pytest.raises(CheckpointError, match=said) as caught:
            read()
        assert not isinstance(caught.value, DamagedCheckpointError)
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize("error", [PermissionError(13, "no"), MemoryError(), OSError(5, "disk")])
def test_what_says_nothing_of_the_file_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    path = written(tmp_path)
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(type(error)) as caught:
        read_checkpoint(path)
    assert not isinstance(caught.value, CheckpointError)
    monkeypatch.undo()
    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(type(error)) as caught:
        read_checkpoint(path)
    assert not isinstance(caught.value, CheckpointError)


def test_too_little_memory_in_torch_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    path = written(tmp_path)
    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(MemoryError, match="does not fit in memory"):
        read_checkpoint(path)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").mkdir()
    with pytest.raises(CheckpointError, match="is not a file") as caught:
        read_checkpoint(tmp_path / "last.ckpt")
    assert not isinstance(caught.value, DamagedCheckpointError)


def test_the_state_of_a_callback_names_no_path(tmp_path: Path) -> None:
    victim = tmp_path / "victim.ckpt"
    victim.write_text("precious")
    for evil in ("/..", "/../victim.ckpt", f"{victim}", "other.ckpt", "best.ckpt", "/tmp/x/best.ckpt"):
        path = f"{tmp_path / 'checkpoints'}{evil}" if evil.startswith("/..") else evil
        callback = EpochCheckpoint(tmp_path / "checkpoints", "best", monitor="val/accuracy", mode="max")
        score = torch.tensor(0.5)
        state = callback.state_dict() | {
            "best_model_path": path,
            "kth_best_model_path": path,
            "last_model_path": path,
            "dirpath": "/",
            "best_model_score": score,
            "best_k_models": {path: score},
        }
        callback.load_state_dict(state)
        own = str(tmp_path / "checkpoints" / "best.ckpt")
        named = (callback.best_model_path, callback.kth_best_model_path, callback.last_model_path)
        assert named == (own, own, own)
        assert callback.best_k_models == {own: score}
        assert callback.dirpath == str(tmp_path / "checkpoints")


@pytest.mark.parametrize(
    "change",
    [
        {"best_model_path": None},
        {"best_model_score": None},
        {"best_k_models": None},
        {"best_k_models": "a word"},
        {"best_k_models": {"best.ckpt": "0.5"}},
        {"best_model_score": 0.5},
    ],
    ids=str,
)
def test_a_callbacks_state_that_is_none_is_told_in_a_sentence(tmp_path: Path, change: dict) -> None:
    callback = EpochCheckpoint(tmp_path, "best", monitor="val/accuracy", mode="max")
    state = callback.state_dict() | change
    state = {key: value for key, value in state.items() if key not in change or value is not None}
    with pytest.raises(CheckpointError, match=r"has no sound state of best\.ckpt .*; remove it"):
        callback.load_state_dict(state)


def test_only_a_checkpoint_in_its_own_folder_is_written_or_removed(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "checkpoints"
    path = written(folder)
    plugin = AtomicCheckpoints(folder, SEED_0)
    others = [tmp_path / "victim.ckpt", folder / "notes.txt", folder / "deep" / "last.ckpt"]
    for other in others:
        other.parent.mkdir(exist_ok=True)
        other.write_text("precious")
    (folder / "folder.ckpt").mkdir()
    for evil in (
        *others,
        folder / "..",
        folder,
        tmp_path,
        folder / "folder.ckpt",
        folder / "../../victim.ckpt",
    ):
        for act in (plugin.remove_checkpoint, lambda p: plugin.save_checkpoint(content(), p)):
            with pytest.raises(CheckpointError, match="it is left alone"):
                act(str(evil))
    assert all(other.read_text() == "precious" for other in others)
    plugin.remove_checkpoint(str(path))
    assert not path.exists()


def test_nothing_goes_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    kept = written(outside).read_bytes()
    linked = tmp_path / "checkpoints"
    linked.symlink_to(outside)
    plugin = AtomicCheckpoints(linked, SEED_0)
    for path in (linked / "last.ckpt", outside / "last.ckpt"):
        for act in (plugin.remove_checkpoint, lambda p: plugin.save_checkpoint(content(1), p)):
            with pytest.raises(CheckpointError, match="is a link"):
                act(str(path))
    assert (outside / "last.ckpt").read_bytes() == kept
    linked.unlink()
    linked.mkdir()
    part = linked / ".last.ckpt.new"  # what stands beside the file is replaced
    part.symlink_to(outside / "last.ckpt")
    plugin.save_checkpoint(content(1), linked / "last.ckpt")
    assert (outside / "last.ckpt").read_bytes() == kept
    shutil.rmtree(linked)


def test_code_in_an_older_file_is_damage_and_does_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "was-run",)

    archive = io.BytesIO()
    torch.save({"state_dict": {}, "more": Evil()}, archive)
    (tmp_path / "last.ckpt").write_bytes(archive.getvalue())
    with pytest.raises(DamagedCheckpointError):
        read_checkpoint(tmp_path / "last.ckpt")
    assert not (tmp_path / "was-run").exists()
