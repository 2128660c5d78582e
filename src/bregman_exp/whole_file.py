"""Atomic writes: a file is either complete or absent."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_whole(path: Path, content: bytes, *, fsync: bool = True) -> None:
    """Writes .<name>.new beside the file, then renames it: a kill leaves the old file or the new one.

    A link at either path is replaced, not followed. Without ``fsync`` a crash of the machine may lose the
    content; use it for files that can be written again. Raises OSError with the path, also for a full disk.
    """
    part = path.with_name(f".{path.name}.new")
    with _named_in_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)  # left by a killed process
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                if fsync:
                    os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            with suppress(OSError):  # the first error is the one to report
                part.unlink()
            raise


def append(path: Path, content: bytes) -> None:
    """Appends to the file; a kill may leave a part of the content. Raises OSError as ``write_whole``."""
    with _named_in_errors(path), path.open("ab") as file:
        file.write(content)


@contextmanager
def _named_in_errors(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror or error}: not written", str(path)) from error
