"""Who has which test sample right, from predictions.npz."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from bregman_exp.runs.metrics_file import as_recorded
from bregman_exp.runs.reading import read_arrays
from bregman_exp.runs.record import clean_entry
from bregman_exp.runs.run_folder import NotARunError, RunFolder


class Counted(Protocol):
    """A figure: how many samples are right, and the folder that tells which."""

    @property
    def correct(self) -> int | None: ...

    @property
    def folder(self) -> RunFolder: ...


def rights(name: str, a: Counted, b: Counted) -> tuple[np.ndarray, np.ndarray]:
    """(n,) and (n,) bool: which samples either has right, on clean data or under the attack ``name``.

    Raises ValueError where they are not the same samples, or where the files are not those of the figures.
    """
    arrays = [_arrays(figure.folder) for figure in (a, b)]
    for part in ("id", "label"):
        if not np.array_equal(arrays[0][part], arrays[1][part]):
            raise ValueError(f"A and B have {name} of other test samples (their {part}s differ).")
    first, second = (_right(name, figure, array) for figure, array in zip((a, b), arrays, strict=True))
    return first, second


def checked(folder: RunFolder) -> dict[str, Any]:
    """The content of metrics.json, with which predictions.npz agrees; NotARunError otherwise."""
    record = folder.read_metrics()
    check_predictions(folder, record)
    return record


def check_predictions(folder: RunFolder, record: Mapping[str, Any]) -> None:
    """Raises NotARunError where predictions.npz is there and is not that of the figures.

    By its SHA-256 where the record has it, else by counting.
    """
    if not folder.predictions.is_file():
        return
    unchanged = as_recorded(folder.predictions, record)
    if unchanged is not None:
        if not unchanged:
            raise NotARunError(
                f"{folder.predictions} is not what was written with its metrics.json (another SHA-256); "
                "bring it back, or remove both and run the same command again."
            )
        return
    arrays = _arrays(folder)
    n = {len(arrays[name]) for name in ("id", "label", "prediction")}
    if n != {record["clean"]["n"]}:
        raise NotARunError(f"{folder.predictions} has other samples than its metrics.json counts.")
    for entry in (clean_entry(dict(record)), *record["robust"]):
        if entry.get("correct") is not None and (entry["id"] in arrays or entry["id"] == "clean"):
            _check_count(entry["id"], entry["correct"], folder, arrays)


def _arrays(folder: RunFolder) -> dict[str, np.ndarray]:
    try:
        arrays = read_arrays(folder.predictions)
        return {name: arrays[name] for name in ("id", "label", "prediction")} | arrays
    except (OSError, ValueError, KeyError):
        raise NotARunError(
            f"{folder.predictions} is missing or damaged; without it there is no test."
        ) from None


def _right(name: str, figure: Counted, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    return _check_count(name, figure.correct, figure.folder, arrays)


def _check_count(
    name: str, correct: int | None, folder: RunFolder, arrays: Mapping[str, np.ndarray]
) -> np.ndarray:
    right = arrays["prediction"] == arrays["label"] if name == "clean" else arrays.get(name)
    if right is None or int(right.sum()) != correct:
        raise NotARunError(
            f"{folder.predictions} does not have the {name} samples that its metrics.json counts."
        )
    return right
