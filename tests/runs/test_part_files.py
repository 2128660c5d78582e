"""A finished batch is whole in its file, or it is not there."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from bregman_exp.robustness.parts import Part
from bregman_exp.runs.part_files import PartFiles

ARRAYS = {
    "facts": np.array('{"seconds": 0.25, "counts": {"shares": {"fgsm": 2}}}'),
    "survivors": np.array([[True, False, True]]),
    "violation": np.array([0.1 + 0.2]),
    "distances": np.array([0.5, np.inf, 1e-300]),
}


@pytest.fixture
def parts(tmp_path: Path) -> PartFiles:
    return PartFiles(tmp_path / "run" / "parts")


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and np.array_equal(a[k], b[k]) for k in a)


def test_what_is_written_is_read_exactly_and_cleared_with_the_folder(parts: PartFiles) -> None:
    assert (len(parts), list(parts), "pgd-0123" in parts) == (0, [], False)
    assert not parts.folder.exists()  # looking creates nothing
    parts["pgd-0123"] = ARRAYS
    parts["fmn-4567"] = {"survivors": np.zeros((2, 0), dtype=bool)}
    (parts.folder / ".a.npz.half").write_bytes(b"half")  # what a killed process leaves is no part
    assert (len(parts), list(parts)) == (2, ["fmn-4567", "pgd-0123"])
    assert parts["fmn-4567"]["survivors"].shape == (2, 0)
    assert same(PartFiles(parts.folder)["pgd-0123"], ARRAYS)  # another process sees it
    parts["pgd-0123"] = {"violation": np.ones(1)}
    assert list(parts["pgd-0123"]) == ["violation"]
    with pytest.raises(KeyError, match="nothing"):
        parts["nothing"]
    del parts["fmn-4567"]
    assert list(parts) == ["pgd-0123"]
    for _ in range(2):  # an empty one is cleared, too
        parts.clear()
        assert (len(parts), parts.folder.exists(), parts.folder.parent.is_dir()) == (0, False, True)


def damaged(whole: bytes) -> Iterator[bytes]:
    """Files of something else, truncated ones, and such with one other byte."""
    yield from (b"no archive", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x00" * 700)
    yield from (whole[:length] for length in (*range(0, len(whole), 9), *range(len(whole) - 40, len(whole))))
    for place in range(0, len(whole), 2):
        yield whole[:place] + bytes([whole[place] ^ (0x01, 0x40, 0xFF)[place % 3]]) + whole[place + 1 :]


def test_a_damaged_file_is_not_there_and_is_written_again(parts: PartFiles) -> None:
    parts["a"] = ARRAYS
    (file,) = parts.folder.iterdir()
    for content in damaged(file.read_bytes()):
        file.write_bytes(content)
        assert "a" not in parts
    with file.open("wb") as stream:  # pickled objects are never loaded
        np.savez(stream, survivors=np.array([print], dtype=object))
    assert "a" not in parts
    parts["a"] = ARRAYS
    assert same(parts["a"], ARRAYS)


def test_a_write_that_is_interrupted_leaves_nothing(parts: PartFiles, monkeypatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    parts["kept"] = ARRAYS
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            parts["a"] = ARRAYS
    assert list(parts) == ["kept"]
    assert len(list(parts.folder.iterdir())) == 1


def test_a_part_of_an_evaluation_in_a_small_file(parts: PartFiles) -> None:
    survivors = torch.ones(1, 100_000, dtype=torch.bool)
    predicted = torch.tensor([[0, -1], [1, 1]])
    part = Part(survivors, torch.tensor([1e-9]).double(), 1 / 3, {"shares": {"fgsm": 2}}, predicted=predicted)
    parts["suite-0123"] = part.arrays()
    again = Part.of(parts["suite-0123"])
    assert (again.seconds, again.counts) == (1 / 3, part.counts)
    assert again.points is again.undecided is again.late is None
    for name in ("survivors", "violation", "predicted"):
        assert torch.equal(getattr(again, name), getattr(part, name))
    (file,) = parts.folder.iterdir()
    assert file.stat().st_size < 2500
