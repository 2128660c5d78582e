"""CIFAR-10 from a small archive of the original form; nothing here reaches the network."""

import hashlib
import pickle
import tarfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10

from bregman_exp.data import cifar10
from bregman_exp.data.cifar10 import ARCHIVE

from .expect import data_error

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
MD5 = "c58f30108f718f92721af3b95e74349a"  # of the original archive
A_BATCH = 20
FOLDER = "cifar-10-batches-py"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args, **_settings) -> None:
        raise URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


def md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes()).hexdigest()


def pixels(number: int) -> np.ndarray:
    """The rows of a batch: 1024 bytes of red, row by row, then green, then blue."""
    return np.random.default_rng(number).integers(0, 256, (A_BATCH, 3072), dtype=np.uint8)


def labels(number: int) -> list[int]:
    return [(7 * i + number) % 10 for i in range(A_BATCH)]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the small archive alone, unpacked nowhere."""
    folder = tmp_path / "made" / FOLDER
    folder.mkdir(parents=True)
    names = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
    for number, name in enumerate(names):
        batch = {"batch_label": name, "labels": labels(number), "data": pixels(number), "filenames": []}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    meta = {"num_cases_per_batch": A_BATCH, "label_names": CLASSES, "num_vis": 3072}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    root = tmp_path / "root"
    root.mkdir()
    archive = root / CIFAR10.filename
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, FOLDER)
    sums = [[name, md5(folder / name)] for name in names]
    monkeypatch.setattr(CIFAR10, "train_list", sums[:5])
    monkeypatch.setattr(CIFAR10, "test_list", sums[5:])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5(folder / "batches.meta")})
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5(archive))
    return root


def test_images_labels_and_classes_are_the_archives(root: Path) -> None:
    data = cifar10(str(root), n_val=30)
    assert data.classes == tuple(CLASSES)
    assert (data.name, data.label, data.normalize, data.is_image) == ("cifar10", "CIFAR-10", "cifar10", True)
    rows = np.concatenate([pixels(k) for k in range(5)])
    names = [label for k in range(5) for label in labels(k)]
    for split, n in ((data.train, 70), (data.val, 30)):
        assert split.x.shape == (n, 3, 32, 32)
        assert (split.x.dtype, split.y.dtype) == (torch.uint8, torch.int64)
        assert np.array_equal(split.x.flatten(1).numpy(), rows[split.ids])
        assert split.y.tolist() == [names[i] for i in split.ids]
    assert np.array_equal(data.test.x.flatten(1).numpy(), pixels(5))
    assert data.test.y.tolist() == labels(5)
    assert data.test.ids.tolist() == list(range(A_BATCH))
    assert data.test.x[3, 2, 30, 1] == pixels(5)[3, 2 * 1024 + 30 * 32 + 1]  # blue, row 30, column 1
    assert data.train.x.is_contiguous()


def test_the_validation_split_is_always_the_same(root: Path) -> None:
    torch.manual_seed(1)
    first = cifar10(str(root), n_val=5)
    torch.manual_seed(2)
    assert cifar10(str(root), n_val=5).fingerprint == first.fingerprint
    assert first.val.ids.tolist() == [5, 18, 63, 67, 92]
    assert sorted(first.train.ids.tolist() + first.val.ids.tolist()) == list(range(100))


@pytest.mark.parametrize("n_val", [0, 100])
def test_an_impossible_validation_split_is_refused(root: Path, n_val: int) -> None:
    with data_error(f"dataset.n_val={n_val}", "1 to 99"):
        cifar10(str(root), n_val=n_val)


@pytest.mark.parametrize("download", [True, False])
def test_an_archive_put_into_the_root_is_enough(root: Path, download: bool) -> None:
    assert len(cifar10(str(root), download, n_val=5).train) == 95
    (root / CIFAR10.filename).unlink()
    assert len(cifar10(str(root), download, n_val=5).train) == 95  # it is unpacked once


@pytest.mark.parametrize("download", [True, False])
def test_a_damaged_batch_is_unpacked_anew(root: Path, download: bool) -> None:
    whole = cifar10(str(root), n_val=5)
    (root / FOLDER / "data_batch_2").write_bytes(b"damaged")
    assert cifar10(str(root), download, n_val=5).fingerprint == whole.fingerprint


@pytest.mark.parametrize(("download", "told"), [(True, "download failed"), (False, "dataset.download=false")])
def test_a_missing_archive_is_told_with_its_place(tmp_path: Path, download: bool, told: str) -> None:
    root = tmp_path / "nowhere"
    with data_error("is not there", told, CIFAR10.filename, MD5, f"into {root},", "dataset=image_folder"):
        cifar10(str(root), download)


@pytest.mark.parametrize(("download", "told"), [(True, "download failed"), (False, "dataset.download=false")])
def test_a_damaged_archive_is_told_with_its_place(root: Path, download: bool, told: str) -> None:
    archive = root / CIFAR10.filename
    archive.write_bytes(archive.read_bytes()[:-100])
    with data_error("is damaged", told, CIFAR10.filename, MD5, f"into {root},"):
        cifar10(str(root), download)


@pytest.mark.parametrize("download", [True, False])
def test_an_archive_that_cannot_be_unpacked_is_told(
    root: Path, download: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / CIFAR10.filename).write_bytes(b"no archive")
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5(root / CIFAR10.filename))
    with data_error("is damaged", "ReadError", MD5, f"into {root},"):
        cifar10(str(root), download)


def test_a_missing_batch_is_told(root: Path) -> None:
    cifar10(str(root), n_val=5)
    (root / CIFAR10.filename).unlink()
    (root / FOLDER / "test_batch").unlink()
    with data_error("is not there", MD5, f"into {root},"):
        cifar10(str(root), download=False)


def test_of_two_at_once_only_one_downloads(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, downloads = root / CIFAR10.filename, []
    content = archive.read_bytes()
    archive.unlink()

    def download(_url, folder, **_settings) -> None:
        """In two parts, with time for another to look at the first; as torchvision's, it unpacks."""
        downloads.append(None)
        archive.write_bytes(content[:50])
        time.sleep(0.3)
        archive.write_bytes(content)
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", download)
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda _: cifar10(str(root), n_val=5).fingerprint, range(2))
    assert first == second
    assert len(downloads) == 1


def test_an_archive_that_may_not_be_unpacked_is_not_called_damaged(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args, **_settings) -> None:
        raise PermissionError(13, "Permission denied", str(root))

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", refuse)
    with data_error("cannot be read or unpacked", f"into {root},"):
        cifar10(str(root))


def test_the_place_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with data_error(f"into {tmp_path / 'data'},"):
        cifar10("data", download=False)
    with data_error(f"into {tmp_path / 'home' / 'data'},"):
        cifar10("~/data", download=False)


def test_the_message_names_the_checksum_that_is_checked() -> None:
    assert CIFAR10.tgz_md5 == MD5
    assert f"{CIFAR10.filename} (170,498,071 bytes, MD5 {MD5})" == ARCHIVE
