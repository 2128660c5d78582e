"""A data set of images that is published as an archive and read through torchvision."""

from abc import ABC, abstractmethod
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from filelock import FileLock

from bregman_exp.data.dataset import ClassificationData, DataError, Split, at_most, hold_out


class Images(NamedTuple):
    """The images of a split, x (n, C, H, W) uint8 and y (n,) int64, and the names of the classes."""

    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]


class File(NamedTuple):
    """A published file; ``size`` in bytes."""

    name: str
    size: int
    md5: str

    def is_intact(self, folder: Path) -> bool:
        from torchvision.datasets.utils import check_integrity

        try:
            return check_integrity(folder / self.name, self.md5)
        except OSError:  # which may not be read
            return False

    def __str__(self) -> str:
        return f"{self.name} ({self.size:,} bytes, MD5 {self.md5})"


@dataclass(frozen=True)
class Archive(ABC):
    """Reads the data set when called; a subclass knows the format of the files.

    name: in configs, and of the channel statistics (``models/input_map.py``). label: in tables. dataset: the
    class of ``torchvision.datasets``, which has the addresses and checksums. shape: of an image. n_val: the
    usual size of the validation split. sizes: of the published files, in bytes.
    """

    name: str
    label: str
    dataset: str
    shape: tuple[int, int, int]
    num_classes: int
    n_val: int
    sizes: tuple[int, ...]

    def __call__(
        self, root: str, download: bool = True, n_val: int | None = None, n_train: int | None = None
    ) -> ClassificationData:
        """The data set, from files whose checksums are verified.

        The validation split is a fixed choice of n_val of the training images (None: the usual number); the
        training split is n_train of the others (None: all).

        Shapes: x (n, *shape) uint8. Raises DataError, which says where the files belong, if they are missing
        or damaged and cannot be downloaded.
        """
        folder = Path(root).expanduser()
        train, test = (self._images(folder, training, download) for training in (True, False))
        train_split, val_split = hold_out(_split(train), self.n_val if n_val is None else n_val)
        return ClassificationData(
            self.name,
            "torchvision",
            train.classes,
            at_most(train_split, n_train),
            val_split,
            _split(test),
            normalize=self.name,
            label=self.label,
        )

    @abstractmethod
    def read(self, root: Path, training: bool, download: bool) -> Images:
        """The images of a split; files that are missing or damaged are downloaded and unpacked, or raise."""

    @abstractmethod
    def checksums(self) -> list[tuple[str, str]]:
        """The name and MD5 of each published file."""

    def folder(self, root: Path) -> Path:
        """The folder of the files."""
        return root

    @property
    def torchvision(self) -> Any:
        """The class of torchvision, whose import takes seconds that other data sets do not need."""
        from torchvision import datasets

        return getattr(datasets, self.dataset)

    @property
    def files(self) -> list[File]:
        return [File(name, size, md5) for (name, md5), size in zip(self.checksums(), self.sizes, strict=True)]

    def _images(self, root: Path, training: bool, download: bool) -> Images:
        with suppress(RuntimeError, OSError):  # intact and unpacked: nothing is written, so it needs no lock
            return self.read(root, training, download=False)
        folder = self.folder(root)
        try:
            any_file = any((folder / file.name).exists() for file in self.files)
            # One process downloads and unpacks, the others wait for it.
            with FileLock(root / ".download.lock") if download or any_file else nullcontext():
                # With intact files, download=True unpacks them and needs no network.
                intact = not download and all(file.is_intact(folder) for file in self.files)
                return self.read(root, training, download or intact)
        except Exception as error:  # torchvision raises OSError, RuntimeError, tarfile.ReadError and others
            attempt = "its download failed" if download else "dataset.download=false"
            raise DataError(
                f"{self.label} in {root} {self._state(folder, error)} and {attempt} "
                f"({type(error).__name__}); put {self._wanted(folder)} into {folder.resolve()}, or use "
                "dataset=image_folder."
            ) from error

    def _state(self, folder: Path, error: Exception) -> str:
        if isinstance(error, PermissionError):
            return "cannot be read or unpacked"
        missing = [file for file in self.files if not (folder / file.name).exists()]
        if not missing:
            return "is damaged"
        return "is not there" if len(missing) == len(self.files) else "is not complete"

    def _wanted(self, folder: Path) -> str:
        """The files that are not intact; all of them where all are."""
        return " and ".join(str(f) for f in self.files if not f.is_intact(folder)) or str(self.files[0])


def _split(images: Images) -> Split:
    return Split(torch.from_numpy(images.x), torch.from_numpy(images.y), torch.arange(len(images.x)))
