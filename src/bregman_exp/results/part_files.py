"""The finished batches of a running evaluation, one file each."""

import shutil
import zipfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path

import numpy as np

from bregman_exp.results.atomic import write_arrays

Arrays = dict[str, np.ndarray]


class PartFiles(MutableMapping[str, Arrays]):
    """key -> arrays, each in <folder>/<key>.npz, whole or not there; a damaged file is not there."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __getitem__(self, key: str) -> Arrays:
        try:
            with np.load(self._file(key), allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            raise KeyError(key) from None

    def __setitem__(self, key: str, arrays: Arrays) -> None:
        write_arrays(self._file(key), arrays)

    def __delitem__(self, key: str) -> None:
        self._file(key).unlink()

    def __iter__(self) -> Iterator[str]:
        return (file.stem for file in sorted(self.folder.glob("*.npz")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        """Removes all, with the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.npz"
