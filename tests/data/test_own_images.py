"""What image_folder chooses for a data set of one's own: validation split, channels, statistics."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bregman_exp.data import ClassificationData, Statistics, decoders, image_folder
from bregman_exp.data.statistics import channel_statistics

from .expect import data_error
from .test_image_folder import HEIGHT, WIDTH, grow, pixels, write


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    """A tree of grey images: three of mode L, one of mode 1 and one of mode LA."""
    tree = grow(tmp_path / "tree", "train", "test")
    for file in tree.rglob("*.png"):
        write(file, luma(file, tree))
    levels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    levels[0] = 255
    Image.fromarray(levels).convert("1").save(tree / "test" / "cat" / "0.png")
    Image.fromarray(np.dstack([levels, levels])).save(tree / "test" / "cat" / "1.png")
    return tree


def luma(file: Path, tree: Path) -> np.ndarray:
    return pixels(str(file.relative_to(tree)))[..., 0]


def load(tree: Path, **settings) -> ClassificationData:
    return image_folder(str(tree), tree.parent / "cache", **settings)


# the validation split


def test_a_number_beside_a_folder_of_validation_images_is_remarked(tmp_path: Path) -> None:
    tree = grow(tmp_path / "tree", "train", "val", "test")
    (remark,) = load(tree, n_val=7).remarks
    assert remark.startswith("dataset.n_val=7 has no effect: the validation images are the ")
    assert load(tree).remarks == ()


def test_a_tenth_of_the_training_images_is_held_out_unless_n_val_is_given(tmp_path: Path) -> None:
    tree = grow(tmp_path / "tree", "train", "test", n=30)
    assert (len(load(tree).train), len(load(tree).val)) == (54, 6)
    assert load(tree, n_val=6).fingerprint == load(tree).fingerprint
    assert load(tree, n_val=7).fingerprint != load(tree).fingerprint


# channel statistics


def test_statistics_are_those_of_the_training_split(tmp_path: Path) -> None:
    tree = grow(tmp_path / "tree", "train", "test", n=30)
    data = load(tree, n_train=20)
    x = data.train.x.double() / 255
    assert len(x) == 20
    assert isinstance(data.normalize, Statistics)
    for given, computed in zip(
        data.normalize, (x.mean((0, 2, 3)), x.std((0, 2, 3), correction=0)), strict=True
    ):
        assert given == pytest.approx(computed.tolist(), abs=6e-7)
    assert load(tree, n_train=20).normalize == data.normalize  # from the cache
    assert load(tree).normalize != data.normalize


def test_a_constant_channel_has_a_standard_deviation_of_one_grey_level() -> None:
    x = torch.zeros(3, 2, 4, 4, dtype=torch.uint8)
    x[:, 1] = 51
    assert channel_statistics(x) == Statistics((0.0, 0.2), (0.003922, 0.003922))


def test_many_images_are_counted_in_parts() -> None:
    x = torch.randint(0, 256, (2500, 3, 2, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    whole, unit = channel_statistics(x), x.double() / 255
    assert whole.mean == pytest.approx(unit.mean((0, 2, 3)).tolist(), abs=6e-7)
    assert whole.std == pytest.approx(unit.std((0, 2, 3), correction=0).tolist(), abs=6e-7)


# channels


def test_grey_images_have_one_channel(grey: Path) -> None:
    for _ in ("decoded", "from the cache"):
        data = load(grey)
        assert data.train.x.shape[1:] == (1, HEIGHT, WIDTH)
        expected = luma(grey / "test" / "dog" / "1.png", grey)
        assert np.array_equal(data.test.x[4, 0].numpy(), expected)
        assert data.test.x[0].tolist() == data.test.x[1].tolist() == [[[255] * WIDTH] + [[0] * WIDTH] * 3]
        assert isinstance(data.normalize, Statistics)
        assert len(data.normalize.mean) == 1
        (remark,) = data.remarks
        assert "of 14 images 2 are converted to grey (1 1, LA 1; transparency is dropped)" in remark
    assert load(grey, size=2).train.x.shape[1:] == (1, 2, 2)


def test_a_mixed_folder_is_of_three_channels(grey: Path) -> None:
    write(grey / "test" / "dog" / "2.png", pixels("colour"))
    x = load(grey).test.x
    assert x.shape[1] == 3
    assert torch.equal(x[3, 0], x[3, 2])
    assert np.array_equal(x[5].numpy(), pixels("colour").transpose(2, 0, 1))


def test_the_channels_can_be_chosen_and_have_caches_of_their_own(grey: Path) -> None:
    grey_data, colour = load(grey), load(grey, channels=3)
    assert [load(grey, channels=c).train.x.shape[1] for c in (1, None, 3)] == [1, 1, 3]
    assert torch.equal(colour.train.x, grey_data.train.x.expand(-1, 3, -1, -1))
    write(grey / "test" / "dog" / "2.png", np.full((HEIGHT, WIDTH, 3), (255, 0, 0), dtype=np.uint8))
    data = load(grey, channels=1)
    assert data.test.x[5].unique().tolist() == [76]  # 0.299 · 255
    assert "3 are converted to grey (1 1, LA 1, RGB 1;" in data.remarks[0]


def test_16_bits_are_refused_not_clipped(grey: Path) -> None:
    file = grey / "train" / "cat" / "0.png"
    Image.fromarray(np.full((HEIGHT, WIDTH), 40_000, dtype="uint16")).save(file)
    with data_error(f"{file} has more than 8 bits a channel"):
        load(grey)


def test_processes_decode_grey_images_too(grey: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_threads = load(grey)
    for file in (grey.parent / "cache").iterdir():
        file.unlink()
    monkeypatch.setattr(decoders, "MIN_FILES_A_PROCESS", 2)
    monkeypatch.setattr(decoders, "_cores", lambda: 2)
    monkeypatch.setattr(decoders, "_by_threads", None)
    assert load(grey).fingerprint == by_threads.fingerprint
