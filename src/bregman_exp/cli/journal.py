"""What the jobs of a command report to each other, one entry a line; in a sweep, through a file."""

import json
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Journal:
    """Entries in the order of their time.

    With a path they lie in a file, which a launcher's workers share; without one they stay in this process.
    """

    def __init__(self, path: Path | None = None):
        self.path = path
        self._in_memory: list[Entry] = []
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")

    def add(self, **entry: Any) -> None:
        if self.path is None:
            self._in_memory.append(entry)
            return
        with self.path.open("a") as file:  # one short write, which other processes cannot interleave
            file.write(f"{json.dumps(entry)}\n")

    def entries(self, key: str) -> list[Any]:
        """The values under this key, of the entries that have it."""
        if self.path is None:
            entries = self._in_memory
        else:
            entries = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [entry[key] for entry in entries if key in entry]

    def __len__(self) -> int:
        return len(self._in_memory if self.path is None else self.path.read_text().splitlines())

    def remove(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)
