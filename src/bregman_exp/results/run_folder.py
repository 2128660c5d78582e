"""One run's folder: what lies where, what is whole, who may write."""

import json
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from bregman_exp.results.atomic import write_arrays, write_json, write_text
from bregman_exp.results.part_files import PartFiles

PATIENCE = 0.2  # seconds for which a lock is waited for: longer than ``busy`` holds it, to look


class RunBusyError(RuntimeError):
    """Another process writes to the folder."""


class NotARunError(ValueError):
    """The path does not hold a run."""


class RunFolder:
    """outputs/<experiment>/<model>-<act>-<dataset>/seed-<k>-<hash>/, see README for the files in it.

    ``metrics.json`` is written last: it exists only when the run is complete.
    """

    def __init__(self, path: Path):
        self.path = path
        self.lock = path / ".lock"
        self.config = path / "config.yaml"
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
        return self.metrics.is_file()

    @property
    def busy(self) -> bool:
        """Whether a process writes to the folder now."""
        if not self.lock.is_file():
            return False
        try:
            with FileLock(self.lock, timeout=0):
                return False
        except Timeout:
            return True
        except OSError:  # a folder of somebody else's: nobody here may write to it
            return False

    def checkpoint(self, which: str) -> Path:
        """The checkpoint "last" or "best"."""
        return self.checkpoints / f"{which}.ckpt"

    def evaluation(self, name: str) -> "RunFolder":
        """The folder of a later evaluation, with the same files."""
        return RunFolder(self.path / "evaluations" / name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes out; the operating system frees the lock of a process that was killed.

        Raises RunBusyError where another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.lock, timeout=PATIENCE, poll_interval=PATIENCE / 10):
                yield
        except Timeout:
            raise RunBusyError(
                f"{self.path} is being written by another process; wait for it to end."
            ) from None

    def begin(self, config_yaml: str) -> None:
        """Writes the resolved config and forgets an earlier failure."""
        write_text(self.config, config_yaml)
        self.failure.unlink(missing_ok=True)

    def fail(self, error: BaseException) -> None:
        """Writes failure.json: the error, its epoch and step where it knows them, the traceback."""
        lines = traceback.format_exception(error)
        where = {name: getattr(error, name, None) for name in ("epoch", "step")}
        content = {"error": f"{type(error).__name__}: {error}", **where}
        write_json(self.failure, content | {"traceback": "".join(lines)})

    def finish(self, metrics: Mapping[str, Any], predictions: Mapping[str, np.ndarray]) -> None:
        """Writes the predictions, then metrics.json, which says that the run is complete.

        Where an attack raised an error its entry says so, and the finished batches of the others are kept:
        the same command tries that attack again.
        """
        write_arrays(self.predictions, predictions)
        write_json(self.metrics, metrics)
        self.failure.unlink(missing_ok=True)
        if not attacks_that_failed(metrics):
            self.parts.clear()

    def read_metrics(self) -> dict[str, Any]:
        """The content of metrics.json; NotARunError where it is damaged."""
        try:
            return json.loads(self.metrics.read_text())
        except ValueError:
            raise NotARunError(
                f"{self.metrics} is damaged; remove it and run the same command again."
            ) from None


def attacks_that_failed(metrics: Mapping[str, Any]) -> list[str]:
    """ "<id>: <error>" of each attack that raised an error."""
    return [f"{entry['id']}: {entry['error']}" for entry in metrics.get("robust", []) if "error" in entry]


def find_runs(*places: Path) -> list[RunFolder]:
    """All run folders at or below the given places, sorted by path."""
    found = {config.parent for place in places for config in place.rglob("config.yaml")}
    # a file of that name inside a run, such as a logger's, is no run
    return [RunFolder(path) for path in sorted(found) if not found & set(path.parents)]
