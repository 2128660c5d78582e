"""All published sets, from small files of the original formats; nothing here reaches the network."""

import urllib.request
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch

from bregman_exp.data import ARCHIVES, Archive
from bregman_exp.data.statistics import channel_statistics
from bregman_exp.models.input_map import NORMALIZATIONS

from .expect import data_error
from .published import CIFAR_CLASSES, images, labels, publish

DIGITS = [str(k) for k in range(10)]
CLASSES = CIFAR_CLASSES | {"mnist": DIGITS, "svhn": DIGITS}
SENTENCES = {
    "cifar10": "put cifar-10-python.tar.gz (170,498,071 bytes, MD5 c58f30108f718f92721af3b95e74349a) into",
    "cifar100": "put cifar-100-python.tar.gz (169,001,437 bytes, MD5 eb9058c3a382ffc7106e4002c42a8d85) into",
    "mnist": "put train-images-idx3-ubyte.gz (9,912,422 bytes, MD5 f68b3c2dcbeaaa9fbdd348bbdeb94873) and",
    "fashion_mnist": "and t10k-labels-idx1-ubyte.gz (5,148 bytes, MD5 bb300cfdad3c16e7a12a480ee83cd310) into",
    "svhn": "and test_32x32.mat (64,275,384 bytes, MD5 eb5a983be6a315427106f1b164d9cef3) into",
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args, **_settings) -> None:
        raise URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.fixture(params=ARCHIVES)
def archive(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    return publish(request.param, tmp_path / "root", monkeypatch)


@pytest.fixture
def root(tmp_path: Path) -> str:
    return str(tmp_path / "root")


def test_images_labels_and_classes_are_the_published_ones(archive: Archive, root: str) -> None:
    data = archive(root, n_val=30)
    assert (data.name, data.label, data.normalize) == (archive.name, archive.label, archive.name)
    assert data.num_classes == archive.num_classes
    assert list(data.classes) == CLASSES.get(archive.name, list(data.classes))
    for split, published, n in ((data.train, "train", 70), (data.val, "train", 30), (data.test, "test", 20)):
        assert split.x.shape == (n, *archive.shape)
        assert (split.x.dtype, split.y.dtype) == (torch.uint8, torch.int64)
        assert split.x.is_contiguous()
        assert np.array_equal(split.x.numpy(), images(archive, published)[split.ids])
        assert np.array_equal(split.y.numpy(), labels(archive, published)[split.ids])
    assert not set(data.train.ids.tolist()) & set(data.val.ids.tolist())
    assert archive(root, n_val=30, download=False).fingerprint == data.fingerprint
    assert len(archive(root, n_val=30, n_train=7).train) == 7


def test_a_changed_byte_of_a_file_is_noticed(archive: Archive, root: str) -> None:
    file = archive.folder(Path(root)) / archive.files[-1].name
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with data_error(f"{archive.label} in", "is damaged and its download failed", archive.files[-1].name):
        archive(root)


def test_one_missing_file_of_several_is_named(archive: Archive, root: str) -> None:
    first, *others = archive.files
    (archive.folder(Path(root)) / first.name).unlink()
    state = "is not complete" if others else "is not there"
    with data_error(state, "dataset.download=false", f"put {first} into {archive.folder(Path(root))},"):
        archive(root, download=False)


def test_a_file_that_may_not_be_read_is_named(
    archive: Archive, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args, **_settings) -> None:
        raise PermissionError("permission denied")

    monkeypatch.setattr("torchvision.datasets.utils.check_integrity", refuse)
    monkeypatch.setattr(type(archive), "read", refuse)
    with data_error("cannot be read or unpacked and dataset.download=false", archive.files[0].name):
        archive(root, download=False)


@pytest.mark.parametrize("name", ARCHIVES)
def test_the_published_checksums_are_told(name: str, tmp_path: Path) -> None:
    archive = ARCHIVES[name]
    with data_error(
        "is not there", SENTENCES[name], str(archive.folder(tmp_path)), "use dataset=image_folder"
    ):
        archive(str(tmp_path), download=False)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_a_file_that_is_missing_is_downloaded_from_any_mirror(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    archive = publish(name, root, monkeypatch)
    whole, file = archive(str(root), n_val=5), archive.folder(root) / archive.files[0].name
    content, asked = file.read_bytes(), list[str]()
    file.write_bytes(b"damaged")

    def download(url: str, folder: Path, name: str, _md5: str) -> None:
        asked.append(url)
        if url.startswith("bad"):
            raise URLError("no such host")
        (folder / name).write_bytes(content)

    monkeypatch.setattr("torchvision.datasets.utils.download_url", download)
    monkeypatch.setattr(archive.torchvision, "mirrors", ["bad/", "good/"])
    assert archive(str(root), n_val=5).fingerprint == whole.fingerprint
    assert asked == [f"bad/{file.name}", f"good/{file.name}"]


def test_each_set_has_channel_statistics_of_its_channels() -> None:
    for name, archive in ARCHIVES.items():
        assert len(NORMALIZATIONS[name][0]) == archive.shape[0]
    assert len(channel_statistics(torch.zeros(1, 1, 2, 2, dtype=torch.uint8)).mean) == 1
