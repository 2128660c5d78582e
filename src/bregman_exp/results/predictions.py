"""Who has which test sample right, from predictions.npz."""

import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Protocol

import numpy as np

from bregman_exp.results.run_folder import NotARunError, RunFolder


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


def _arrays(folder: RunFolder) -> dict[str, np.ndarray]:
    try:  # by way of memory: of a damaged file NumPy would leave the handle open
        with np.load(BytesIO(folder.predictions.read_bytes()), allow_pickle=False) as file:
            return {name: file[name] for name in ("id", "label", "prediction")} | dict(file)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        raise NotARunError(
            f"{folder.predictions} is missing or damaged; without it there is no test."
        ) from None


def _right(name: str, figure: Counted, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    right = arrays["prediction"] == arrays["label"] if name == "clean" else arrays.get(name)
    if right is None or int(right.sum()) != figure.correct:
        raise NotARunError(
            f"{figure.folder.predictions} does not have the {name} samples that its metrics.json counts."
        )
    return right
