"""One run's folder: what lies where, what is whole, who may write."""

import os
import traceback
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from bregman_exp.runs.atomic import write_arrays, write_json, write_text
from bregman_exp.runs.metrics_file import (
    RUN_NAME,
    as_recorded,
    metrics_fault,
    named_identity,
    note_fault,
    sealed,
)
from bregman_exp.runs.part_files import PartFiles
from bregman_exp.runs.reading import NotARunError, read_json

PATIENCE = 0.2  # seconds for which a lock is waited for: longer than ``busy`` holds it, to look


class RunBusyError(RuntimeError):
    """Another process writes to the folder."""


class RunFolder:
    """outputs/<experiment>/<model>-<act>-<dataset>/seed-<k>[-<varied>]-<hash>/; README lists its files.

    ``build/job.py`` makes the path from the config.

    ``metrics.json`` is written last: it exists only when the run is complete.
    """

    def __init__(self, path: Path):
        self.path = path
        self.lock = path / ".lock"
        self.config = path / "config.yaml"
        self.note = path / "run.json"
        self.metrics = path / "metrics.json"
        self.failure = path / "failure.json"
        self.predictions = path / "predictions.npz"
        self.log = path / "run.log"
        self.curves = path / "metrics.csv"
        self.checkpoints = path / "checkpoints"
        self.adversarial = path / "adversarial"
        self.parts = PartFiles(path / "parts")

    @classmethod
    def existing(cls, path: Path, key: str = "run") -> "RunFolder":
        """The run in the folder that ``key`` names; NotARunError, in one sentence, where there is none."""
        run = cls(path)
        if not run.config.is_file():
            raise NotARunError(
                f"{key}={path} is not a run: it has no config.yaml; give a folder seed-… under outputs/."
            )
        return run

    @property
    def complete(self) -> bool:
        return self.metrics.exists()  # whatever it is: ``read_metrics`` looks

    @property
    def busy(self) -> bool:
        """Whether a process writes to the folder now."""
        if not self.lock.is_file() or self.lock.is_symlink():
            return False
        try:
            with FileLock(self.lock, timeout=0):
                return False
        except Timeout:
            return True
        except OSError:  # a folder of somebody else's: nobody here may write to it
            return False

    @property
    def named_identity(self) -> dict[str, Any]:
        """config_hash and seed in the folder's name, {} where it has another one."""
        return named_identity(self.path)

    @property
    def config_as_recorded(self) -> bool:
        """Whether config.yaml is the file whose SHA-256 metrics.json has."""
        return bool(as_recorded(self.config, self.read_metrics()))

    def checkpoint(self, which: str) -> Path:
        """The checkpoint "last" or "best"."""
        return self.checkpoints / f"{which}.ckpt"

    def evaluation(self, name: str) -> "RunFolder":
        """The folder of a later evaluation, with the same files; "" is the run's own."""
        return RunFolder(self.path / "evaluations" / name) if name else self

    @property
    def evaluations(self) -> list["RunFolder"]:
        """The folders of the later evaluations, complete or not."""
        place = self.path / "evaluations"
        return [RunFolder(path) for path in sorted(place.iterdir())] if place.is_dir() else []

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keeps other processes out; the operating system frees the lock of a process that was killed.

        Raises RunBusyError where another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._check_no_links()
        try:
            with FileLock(self.lock, timeout=PATIENCE, poll_interval=PATIENCE / 10):
                yield
        except Timeout:
            raise RunBusyError(
                f"{self.path} is being written by another process; wait for it to end."
            ) from None

    def _check_no_links(self) -> None:
        """Raises NotARunError where something in the folder, or an evaluation itself, is a link."""
        places = (self.checkpoints, self.adversarial, self.parts.folder, self.path / "evaluations")
        own = [self.path, self.path.parent] if self.path.parent.name == "evaluations" else []
        inside = [entry for place in (self.path, *places) if place.is_dir() for entry in place.iterdir()]
        for place in (*own, *places, *inside):
            if place.is_symlink():
                raise NotARunError(
                    f"{place} is a link, and nothing is written through links; put what it leads to there, "
                    "or remove it."
                )

    def begin(self, config_yaml: str, note: Mapping[str, Any] | None = None) -> None:
        """Writes run.json and the resolved config, and forgets an earlier failure.

        ``note``: which run it is, as in metrics.json, and ``overrides``, as they were typed. While the run is
        not complete no other file has this.
        """
        if note is not None:
            self.write_note(note)
        write_text(self.config, config_yaml)
        self.failure.unlink(missing_ok=True)

    def write_note(self, note: Mapping[str, Any]) -> None:
        """Writes run.json; of a later evaluation, that has the overrides of its command."""
        write_json(self.note, note)

    def fail(self, error: BaseException) -> None:
        """Writes failure.json: the error, its epoch and step where it knows them, the traceback."""
        lines = traceback.format_exception(error)
        where = {name: getattr(error, name, None) for name in ("epoch", "step")}
        content = {"error": f"{type(error).__name__}: {error}", **where}
        write_json(self.failure, content | {"traceback": "".join(lines)})

    def finish(self, metrics: Mapping[str, Any], predictions: Mapping[str, np.ndarray]) -> None:
        """Writes the predictions, then metrics.json, which says that the run is complete.

        From schema 2 on that has the SHA-256 of the files beside it, and of itself.
        Where an attack raised an error its entry says so, and the finished batches of the others are kept:
        the same command tries that attack again.
        """
        write_arrays(self.predictions, predictions)
        as_it_is = metrics.get("schema", 1) == 1
        beside = (self.config, self.predictions, self.curves)
        write_json(self.metrics, metrics if as_it_is else sealed(metrics, *beside))
        self.failure.unlink(missing_ok=True)
        if not attacks_that_failed(metrics):
            self.parts.clear()

    def read_note(self) -> dict[str, Any]:
        """run.json; {} in a folder of an older version. Raises NotARunError where it is damaged."""
        return read_json(self.note, note_fault) if self.note.exists() else {}

    def read_metrics(self) -> dict[str, Any]:
        """The content of metrics.json, of schema 1 or 2; the one place where it is checked.

        Raises NotARunError, in one sentence, where it is damaged, where a reader would miss something, where
        its figures contradict one another, or where it is of another run than the folder's name says.
        """
        return read_json(self.metrics, lambda record: metrics_fault(record, self.path))


def attacks_that_failed(metrics: Mapping[str, Any]) -> list[str]:
    """ "<id>: <error>" of each attack that raised an error."""
    return [f"{entry['id']}: {entry['error']}" for entry in metrics.get("robust", []) if "error" in entry]


def find_runs(*places: Path) -> list[RunFolder]:
    """All run folders at or below the given places, sorted by path; what lies inside a run is none."""
    found: set[Path] = set()
    for place in places:
        for path, folders, files in os.walk(place):
            parts = {"metrics.json", "checkpoints"} & {*folders, *files}  # of runs without config.yaml
            if "config.yaml" in files or (parts and RUN_NAME.fullmatch(os.path.basename(path))):
                found.add(Path(path))
                folders.clear()
    return [RunFolder(path) for path in sorted(found) if not found & set(path.parents)]


def runs_at(names: Iterable[str]) -> list[RunFolder]:
    """The runs at or below folders, or below what globs name; a folder of this very name comes first.

    Raises ValueError, in one sentence, for a name of no folder or of a folder without runs.
    """
    runs: list[RunFolder] = []
    for name in names:
        places = map(Path, [name] if Path(name).is_dir() else sorted(glob(name)))
        folders = [place for place in places if place.is_dir()]
        if not folders:
            raise ValueError(f"there is no folder {name}; give folders that hold runs.")
        here = find_runs(*folders)
        if not here:
            raise ValueError(f"there are no runs in {name}; train some first.")
        runs += here
    return runs
