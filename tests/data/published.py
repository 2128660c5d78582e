"""Small data sets in the original file formats, with torchvision's checksums changed to theirs."""

import gzip
import hashlib
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat
from torchvision import datasets

from bregman_exp.data import ARCHIVES, Archive

N = {"train": 100, "test": 20}
CIFAR_BATCHES = {
    "cifar10": {"train": [f"data_batch_{k}" for k in range(1, 6)], "test": ["test_batch"]},
    "cifar100": {"train": ["train"], "test": ["test"]},
}
CIFAR_CLASSES = {
    "cifar10": ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    "cifar100": [f"class {k}" for k in range(100)],
}


def md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes()).hexdigest()


def images(archive: Archive, split: str) -> np.ndarray:
    """(n, C, H, W) uint8; dark or bright by class, so that a network can learn something."""
    random = np.random.default_rng(N[split])
    level = 20 * (labels(archive, split) % 10)[:, None, None, None]
    return (level + random.integers(0, 60, (N[split], *archive.shape))).astype(np.uint8)


def labels(archive: Archive, split: str) -> np.ndarray:
    return (7 * np.arange(N[split]) + 3) % archive.num_classes


def publish(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """Writes the set's files into the root, as they are downloaded."""
    archive = ARCHIVES[name]
    archive.folder(root).mkdir(parents=True)
    write = _write_cifar if name in CIFAR_BATCHES else _write_svhn if name == "svhn" else _write_idx
    write(archive, root, monkeypatch)
    return archive


def _write_cifar(archive: Archive, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, key = archive.torchvision, "labels" if archive.name == "cifar10" else "fine_labels"
    folder = root.parent / f"made-{archive.name}" / raw.base_folder
    folder.mkdir(parents=True)
    sums: dict[str, list[list[str]]] = {}
    for split, names in CIFAR_BATCHES[archive.name].items():
        pixels = images(archive, split).reshape(len(names), -1, 3072)
        classes = labels(archive, split).reshape(len(names), -1)
        for batch, x, y in zip(names, pixels, classes, strict=True):
            content: dict[str, Any] = {"batch_label": batch, "data": x, key: y.tolist(), "filenames": []}
            (folder / batch).write_bytes(pickle.dumps(content, protocol=2))
        sums[split] = [[name, md5(folder / name)] for name in names]
    meta = folder / raw.meta["filename"]
    meta.write_bytes(pickle.dumps({raw.meta["key"]: CIFAR_CLASSES[archive.name]}, protocol=2))
    with tarfile.open(root / raw.filename, "w:gz") as tar:
        tar.add(folder, raw.base_folder)
    monkeypatch.setattr(raw, "train_list", sums["train"])
    monkeypatch.setattr(raw, "test_list", sums["test"])
    monkeypatch.setattr(raw, "meta", raw.meta | {"md5": md5(meta)})
    monkeypatch.setattr(raw, "tgz_md5", md5(root / raw.filename))


def _write_idx(archive: Archive, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head of big-endian numbers (type and number of dimensions, then their lengths), then bytes."""
    sums = []
    contents = [c for split in N for c in (images(archive, split)[:, 0], labels(archive, split))]
    for (name, _), content in zip(archive.torchvision.resources, contents, strict=True):
        head = np.array([0x800 + content.ndim, *content.shape], ">i4").tobytes()
        file = archive.folder(root) / name
        file.write_bytes(gzip.compress(head + content.astype(np.uint8).tobytes()))
        sums.append((name, md5(file)))
    monkeypatch.setattr(archive.torchvision, "resources", sums)


def _write_svhn(archive: Archive, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """X (H, W, 3, n) and y (n, 1), where the digit 0 is labelled 10."""
    sums = dict(datasets.SVHN.split_list)
    for split in N:
        url, name, _ = sums[split]
        y = labels(archive, split)
        x = images(archive, split).transpose(2, 3, 1, 0)
        savemat(root / name, {"X": x, "y": np.where(y == 0, 10, y).astype(np.uint8)[:, None]})
        sums[split] = [url, name, md5(root / name)]
    monkeypatch.setattr(datasets.SVHN, "split_list", sums)
