"""The finished batches of a running evaluation, one file each."""

import io
import shutil
from collections.abc import Iterator, MutableMapping
from hashlib import sha256
from pathlib import Path

import numpy as np

from bregman_exp.whole_file import write_whole

DIGEST = sha256().digest_size

Arrays = dict[str, np.ndarray]


class PartFiles(MutableMapping[str, Arrays]):
    """key -> arrays, each in <folder>/<key>.part, an .npz after its SHA-256; a damaged file is not there."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __getitem__(self, key: str) -> Arrays:
        try:
            content = self._file(key).read_bytes()
        except OSError:
            raise KeyError(key) from None
        seal, archive = content[:DIGEST], content[DIGEST:]
        if sha256(archive).digest() != seal:
            raise KeyError(key)
        with np.load(io.BytesIO(archive), allow_pickle=False) as file:
            return dict(file)

    def __setitem__(self, key: str, arrays: Arrays) -> None:
        archive = io.BytesIO()
        np.savez_compressed(archive, **arrays)  # pyright: ignore
        content = archive.getvalue()
        write_whole(self._file(key), sha256(content).digest() + content)

    def __delitem__(self, key: str) -> None:
        self._file(key).unlink()

    def __iter__(self) -> Iterator[str]:
        return (file.stem for file in sorted(self.folder.glob("*.part")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        """Removes all, with the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.part"
