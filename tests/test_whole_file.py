"""A file is whole or not there, and what went wrong names it."""

import errno
import os
from pathlib import Path

import pytest

from bregman_exp.whole_file import write_whole


def test_a_full_disk_names_the_file_and_leaves_the_old_one(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "metrics.json"
    write_whole(file, b"old")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=rf"No space left on device: it is not written: '{file}'") as caught:
        write_whole(file, b"new")
    assert caught.value.errno == errno.ENOSPC
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_place_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=rf"'{tmp_path}/file/inside/metrics.json'"):
        write_whole(tmp_path / "file" / "inside" / "metrics.json", b"")


def test_a_link_is_replaced_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "target").read_bytes() == b"mine"
    assert not (tmp_path / "link").is_symlink()
