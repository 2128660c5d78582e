"""What the jobs of a command tell one another: an entry a line, in a file where it is a sweep."""

import json
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Journal:
    """Entries in the order of their time. A launcher's workers have copies of it, so it is a file.

    Without a path (a single job) the entries stay in this process.
    """

    def __init__(self, path: Path | None = None):
        self.path = path
        self._kept: list[Entry] = []
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")

    def add(self, **entry: Any) -> None:
        if self.path is None:
            self._kept.append(entry)
            return
        with self.path.open("a") as file:  # one short write, which no other process divides
            file.write(f"{json.dumps(entry)}\n")

    def entries(self, key: str) -> list[Any]:
        """What the entries with this key say under it."""
        if self.path is None:
            every = self._kept
        else:
            every = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [entry[key] for entry in every if key in entry]

    def __len__(self) -> int:
        return len(self._kept if self.path is None else self.path.read_text().splitlines())

    def remove(self) -> None:
        """Removes the file."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
