"""Files that are either whole or not there."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_whole(path: Path, content: bytes, *, fsync: bool = True) -> None:
    """Writes beside the old file, as .<name>.new, then renames: a kill leaves the old file or the new one.

    What stands at either path is replaced and never written through, should it be a link. Without ``fsync``
    this holds for a kill, and not when the machine stops: for what can be written again. Raises OSError with
    the path, also where the disk is full.
    """
    part = path.with_name(f".{path.name}.new")
    with _named_in_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)  # of a killed process
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                if fsync:
                    os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            with suppress(OSError):  # there may be no such folder, and what went wrong first is what counts
                part.unlink()
            raise


def append(path: Path, content: bytes) -> None:
    """Adds to a file that is there, of which a kill may leave a part; raises as ``write_whole``."""
    with _named_in_errors(path), path.open("ab") as file:
        file.write(content)


@contextmanager
def _named_in_errors(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror or error}: it is not written", str(path)) from error
