"""CIFAR-10 from its original archive."""

from contextlib import nullcontext, suppress
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity

from bregman_exp.data.dataset import ClassificationData, Split, first_of, hold_out
from bregman_exp.data.errors import DataError

ARCHIVE = f"{CIFAR10.filename} (170,498,071 bytes, MD5 {CIFAR10.tgz_md5})"


def cifar10(
    root: str, download: bool = True, n_val: int = 5000, n_train: int | None = None
) -> ClassificationData:
    """CIFAR-10 (Krizhevsky, 2009) through torchvision, which verifies its checksums.

    n_val of the 50,000 training images are the validation split, always the same ones, and n_train of the
    others (None: all) the training split.

    Shapes: x (n, 3, 32, 32) uint8. Raises DataError, with the place where the archive belongs, where it is
    missing or damaged and cannot be downloaded.
    """
    train, test = (_read(Path(root).expanduser(), training, download) for training in (True, False))
    held_in, held_out = hold_out(_split(train), n_val)
    return ClassificationData(
        "cifar10",
        "torchvision",
        tuple(train.classes),
        first_of(held_in, n_train),
        held_out,
        _split(test),
        normalize="cifar10",
        label="CIFAR-10",
    )


def _read(root: Path, training: bool, download: bool) -> CIFAR10:
    archive = root / CIFAR10.filename
    with suppress(RuntimeError):  # unpacked and whole: nothing is written, so no lock is needed
        return CIFAR10(str(root), train=training)
    try:
        # of several processes one downloads and unpacks, while the others wait for it
        with FileLock(root / ".download.lock") if download or archive.exists() else nullcontext():
            whole = not download and check_integrity(
                archive, CIFAR10.tgz_md5
            )  # then only unpacked, no network
            return CIFAR10(str(root), train=training, download=download or whole)
    except (
        Exception
    ) as error:  # an OSError, a RuntimeError, a tarfile.ReadError: torchvision raises many kinds
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


def _split(raw: CIFAR10) -> Split:
    x = torch.from_numpy(
        np.ascontiguousarray(raw.data.transpose(0, 3, 1, 2))
    )  # (n, 32, 32, 3) -> (n, 3, 32, 32)
    return Split(x, torch.tensor(raw.targets), torch.arange(len(x)))
