"""Files that a training writes again and again, and that are whole at any moment."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Writes beside the old file, then renames: a kill leaves the old one or the new one.

    What stands at ``path`` or beside it is replaced and never written through, should it be a link.
    """
    part = path.with_name(f".{path.name}.part")  # one process writes to a run's folder
    part.unlink(missing_ok=True)
    with part.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
