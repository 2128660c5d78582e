"""Files that are either whole or not there."""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Writes beside the old file, then renames: a kill leaves the old one or the new one.

    What stands at ``path`` is replaced and never written through, should it be a link. Raises OSError with
    the path, also where the disk is full.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)  # of a killed process with this number
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        _remove(part)
        raise OSError(error.errno, f"{error.strerror or error}: it is not written", str(path)) from error
    except BaseException:
        _remove(part)
        raise


def _remove(part: Path) -> None:
    with suppress(OSError):  # there may be no such folder, and what went wrong first is what counts
        part.unlink()
