"""What is checked of a run before its figures are shown, and which samples predictions.npz has right."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bregman_exp.runs.metrics_file import as_recorded
from bregman_exp.runs.reading import read_arrays
from bregman_exp.runs.record import clean_entry
from bregman_exp.runs.run_folder import NotARunError, RunFolder

# A sentence where the config does not make the hash that the figures are of, else "". This part knows no
# config, so the reader gives it; it is asked only where the file is not the one that metrics.json records.
ConfigFault = Callable[[RunFolder], str]


def sound_records(run: RunFolder, config_fault: ConfigFault) -> dict[str, dict[str, Any] | None]:
    """metrics.json of a run, as "", and of its evaluations, by name; None where these are not complete.

    Raises NotARunError, in a sentence, for whatever keeps the run out of a table.
    """
    if not run.config.exists():
        raise NotARunError(
            f"{run.path} has no config.yaml; bring it back, or train the run in a new output_dir."
        )
    if not run.complete:
        return {"": None}
    own = checked(run)
    later = {folder.path.name: checked(folder) if folder.complete else None for folder in run.evaluations}
    if not as_recorded(run.config, own) and (fault := config_fault(run)):
        raise NotARunError(fault)
    return {"": own, **later}


def checked(folder: RunFolder) -> dict[str, Any]:
    """The content of metrics.json, held against predictions.npz where it is there.

    Raises NotARunError where its SHA-256 is not that of the record or, of schema 1, where its counts differ.
    """
    record = folder.read_metrics()
    if not folder.predictions.is_file():
        return record
    unchanged = as_recorded(folder.predictions, record)
    if unchanged is None:
        _check_counts(folder, record)
    elif not unchanged:
        raise NotARunError(
            f"{folder.predictions} is not what was written with its metrics.json (another SHA-256); "
            "bring it back, or remove both and run the same command again."
        )
    return record


def _check_counts(folder: RunFolder, record: Mapping[str, Any]) -> None:
    arrays = _arrays(folder)
    n = {len(arrays[name]) for name in ("id", "label", "prediction")}
    if n != {record["clean"]["n"]}:
        raise NotARunError(f"{folder.predictions} has other samples than its metrics.json counts.")
    for entry in (clean_entry(record), *record["robust"]):
        if entry.get("correct") is not None and (entry["id"] in arrays or entry["id"] == "clean"):
            _right(entry["id"], entry["correct"], folder, arrays)


def rights(name: str, *counted: tuple[int | None, RunFolder]) -> list[np.ndarray]:
    """(n,) bool of each folder: which samples it has right, on clean data or under the attack ``name``.

    ``counted``: how many the figure says, and the folder it is of. Raises ValueError where the folders have
    not the same samples, or where the files are not those of the figures.
    """
    several = [_arrays(folder) for _, folder in counted]
    for part in ("id", "label"):
        if any(not np.array_equal(several[0][part], arrays[part]) for arrays in several):
            raise ValueError(f"A and B have {name} of other test samples (their {part}s differ).")
    return [_right(name, *figure, arrays) for figure, arrays in zip(counted, several, strict=True)]


def _arrays(folder: RunFolder) -> dict[str, np.ndarray]:
    try:
        arrays = read_arrays(folder.predictions)
        return {name: arrays[name] for name in ("id", "label", "prediction")} | arrays
    except (OSError, ValueError, KeyError):
        raise NotARunError(
            f"{folder.predictions} is missing or damaged; without it there is no test."
        ) from None


def _right(name: str, correct: int | None, folder: RunFolder, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    right = arrays["prediction"] == arrays["label"] if name == "clean" else arrays.get(name)
    if right is None or int(right.sum()) != correct:
        raise NotARunError(
            f"{folder.predictions} does not have the {name} samples that its metrics.json counts."
        )
    return right
