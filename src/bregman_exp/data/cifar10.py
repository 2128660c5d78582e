"""CIFAR-10 from its original archive."""

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from filelock import FileLock

from bregman_exp.data.dataset import ClassificationData, DataError, Split, at_most, hold_out

if TYPE_CHECKING:
    from torchvision.datasets import CIFAR10  # takes seconds, and other data sets do not need it

ARCHIVE = "cifar-10-python.tar.gz (170,498,071 bytes, MD5 c58f30108f718f92721af3b95e74349a)"


def cifar10(
    root: str, download: bool = True, n_val: int = 5000, n_train: int | None = None
) -> ClassificationData:
    """CIFAR-10 (Krizhevsky, 2009) through torchvision, which verifies its checksums.

    The validation split is a fixed choice of n_val of the 50,000 training images; the training split is
    n_train of the others (None: all).

    Shapes: x (n, 3, 32, 32) uint8. Raises DataError, which says where the archive belongs, if it is missing
    or damaged and cannot be downloaded.
    """
    train, test = (_read(Path(root).expanduser(), training, download) for training in (True, False))
    train_split, val_split = hold_out(_split(train), n_val)
    return ClassificationData(
        "cifar10",
        "torchvision",
        tuple(train.classes),
        at_most(train_split, n_train),
        val_split,
        _split(test),
        normalize="cifar10",
        label="CIFAR-10",
    )


def _read(root: Path, training: bool, download: bool) -> "CIFAR10":
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import check_integrity

    archive = root / CIFAR10.filename
    with suppress(RuntimeError):  # already unpacked and intact: nothing is written, so no lock is needed
        return CIFAR10(str(root), train=training)
    try:
        # One process downloads and unpacks, the others wait for it.
        with FileLock(root / ".download.lock") if download or archive.exists() else nullcontext():
            # With an intact archive, download=True unpacks it and needs no network.
            intact = not download and check_integrity(archive, CIFAR10.tgz_md5)
            return CIFAR10(str(root), train=training, download=download or intact)
    except Exception as error:  # torchvision raises OSError, RuntimeError, tarfile.ReadError and others
        state = _state_of(archive, error)
        attempt = "its download failed" if download else "dataset.download=false"
        raise DataError(
            f"CIFAR-10 in {root} {state} and {attempt} ({type(error).__name__}); "
            f"put {ARCHIVE} into {root.resolve()}, or use dataset=image_folder."
        ) from error


def _state_of(archive: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "cannot be read or unpacked"
    return "is damaged" if archive.exists() else "is not there"


def _split(raw: "CIFAR10") -> Split:
    x = torch.from_numpy(np.ascontiguousarray(raw.data.transpose(0, 3, 1, 2)))  # (n, 3, 32, 32)
    return Split(x, torch.tensor(raw.targets), torch.arange(len(x)))
