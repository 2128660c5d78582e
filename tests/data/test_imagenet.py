"""ImageNet as a tree of folders: which is the test set, how images are cut, what fits in memory."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import functional

from bregman_exp.data import imagenet, pixels
from bregman_exp.data.decoding import decode
from bregman_exp.data.imagenet import class_names

from .expect import data_error

IDS = ("n01440764", "n01443537")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Images of several sizes; in ``val`` they are darker."""
    random = np.random.default_rng(0)
    for split, n, top in (("train", 3, 256), ("val", 2, 64)):
        for wordnet_id in IDS:
            folder = tmp_path / "imagenet" / split / wordnet_id
            folder.mkdir(parents=True)
            for i in range(n):
                image = random.integers(0, top, (40 + 7 * i, 50, 3), dtype=np.uint8)
                Image.fromarray(image).save(folder / f"{i}.JPEG", quality=95)
    return tmp_path / "imagenet"


def test_val_is_the_test_set(tree: Path, tmp_path: Path) -> None:
    data = imagenet(str(tree), tmp_path / "cache", n_val=1, size=16)
    assert [len(split) for split in (data.train, data.val, data.test)] == [5, 1, 4]
    assert data.test.x.shape == (4, 3, 16, 16)
    assert data.test.x.max() < 100 < data.train.x.max()
    assert (data.name, data.label, data.classes, data.normalize) == ("imagenet", "ImageNet", IDS, "imagenet")
    assert data.remarks == ()
    again = imagenet(str(tree), tmp_path / "cache", n_val=1, size=16)  # from the cache
    assert again.fingerprint == data.fingerprint
    assert (
        imagenet(str(tree), tmp_path / "cache", n_val=1, size=16, resize=20).fingerprint != data.fingerprint
    )


@pytest.mark.parametrize(("width", "height"), [(50, 41), (41, 50), (37, 37)])
@pytest.mark.parametrize(("size", "shorter"), [(16, 16), (16, 19), (7, 40)])
def test_images_are_cut_as_torchvision_cuts_them(
    tmp_path: Path, width: int, height: int, size: int, shorter: int
) -> None:
    x = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(x)
    image.save(tmp_path / "image.png")
    resized = functional.resize(image, shorter)  # pyright: ignore[reportArgumentType]
    cut = functional.center_crop(resized, [size])
    decoded = decode(str(tmp_path / "image.png"), size, shorter=shorter)
    assert np.array_equal(decoded, np.asarray(cut).transpose(2, 0, 1))


def test_more_than_the_memory_is_refused_before_a_file_is_read(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels, "installed_memory", lambda: 2 * 10 * 3 * 224 * 224 - 1)
    (tree / "val" / IDS[0] / "0.JPEG").write_bytes(b"no image")
    with data_error("10 images of 224×224 pixels need", "use a smaller dataset.size"):
        imagenet(str(tree), tmp_path / "cache", size=224)


def test_a_tree_without_val_is_refused(tree: Path, tmp_path: Path) -> None:
    (tree / "val").rename(tree / "test")
    with data_error(f"no folder {tree / 'val'}", "root/{train,val}/<class>/*"):
        imagenet(str(tree), tmp_path / "cache")


def test_the_classes_of_the_challenge_have_their_names() -> None:
    ids = tuple(f"n{k:08}" for k in range(1000))
    assert class_names(ids)[0] == "tench"
    assert len(set(class_names(ids))) == 1000
    assert class_names(ids[:999]) == ids[:999]
    folders = (*ids[:999], "tench")
    assert class_names(folders) == folders
