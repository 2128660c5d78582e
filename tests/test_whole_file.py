"""A file is whole or not there, and what went wrong names it."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bregman_exp.whole_file import append, write_whole

KILLED = """
import os, signal
from pathlib import Path
from bregman_exp.whole_file import write_whole
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
write_whole(Path("{file}"), b"{number}")
"""


def test_a_full_disk_names_the_file_and_leaves_the_old_one(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "metrics.json"
    write_whole(file, b"old")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=rf"No space left on device: not written: '{file}'") as caught:
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


def test_what_killed_processes_leave_is_one_file_that_the_next_writing_takes_away(tmp_path: Path) -> None:
    file = tmp_path / "last.ckpt"
    for number in range(3):  # each is killed before it renames
        killed = subprocess.run([sys.executable, "-c", KILLED.format(file=file, number=number)])
        assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    write_whole(file, b"new")
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == b"new"


def test_without_fsync_nobody_waits_for_the_disk(tmp_path: Path, monkeypatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    write_whole(tmp_path / "metrics.csv", b"new", fsync=False)
    assert (tmp_path / "metrics.csv").read_bytes() == b"new"
    assert synced == []


def test_an_appending_that_goes_wrong_names_the_file_too(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=rf"not written: '{tmp_path}'"):
        append(tmp_path, b"more")
