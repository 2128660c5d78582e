"""CIFAR-10 from a small archive of the original form; nothing here reaches the network."""

import tarfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torchvision.datasets import CIFAR10

from bregman_exp.data import cifar10

from .expect import data_error
from .published import images, md5, publish

FOLDER = "cifar-10-batches-py"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args, **_settings) -> None:
        raise URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the small archive alone, unpacked nowhere."""
    publish("cifar10", tmp_path / "root", monkeypatch)
    return tmp_path / "root"


def test_pixels_are_in_their_places(root: Path) -> None:
    """The file has 1024 bytes of red, row by row, then green, then blue."""
    x = cifar10(str(root), n_val=30).test.x
    assert x[3, 2, 30, 1] == images(cifar10, "test").reshape(20, 3072)[3, 2 * 1024 + 30 * 32 + 1]


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


@pytest.mark.parametrize(
    ("download", "sentence"), [(True, "download failed"), (False, "dataset.download=false")]
)
def test_a_missing_archive_is_named_with_its_place(tmp_path: Path, download: bool, sentence: str) -> None:
    root = tmp_path / "nowhere"
    with data_error(
        "is not there", sentence, CIFAR10.filename, CIFAR10.tgz_md5, f"into {root},", "dataset=image_folder"
    ):
        cifar10(str(root), download)


@pytest.mark.parametrize(
    ("download", "sentence"), [(True, "download failed"), (False, "dataset.download=false")]
)
def test_a_damaged_archive_is_named_with_its_place(root: Path, download: bool, sentence: str) -> None:
    archive = root / CIFAR10.filename
    archive.write_bytes(archive.read_bytes()[:-100])
    with data_error("is damaged", sentence, CIFAR10.filename, CIFAR10.tgz_md5, f"into {root},"):
        cifar10(str(root), download)


@pytest.mark.parametrize("download", [True, False])
def test_an_archive_that_cannot_be_unpacked_is_told(
    root: Path, download: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / CIFAR10.filename).write_bytes(b"no archive")
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5(root / CIFAR10.filename))
    with data_error("is damaged", "ReadError", CIFAR10.tgz_md5, f"into {root},"):
        cifar10(str(root), download)


def test_a_missing_batch_is_told(root: Path) -> None:
    cifar10(str(root), n_val=5)
    (root / CIFAR10.filename).unlink()
    (root / FOLDER / "test_batch").unlink()
    with data_error("is not there", CIFAR10.tgz_md5, f"into {root},"):
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
