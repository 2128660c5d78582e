import os
import shutil
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import torch
from PIL import Image

from bregman_exp.data import ClassificationData, image_folder

from .expect import data_error

HEIGHT, WIDTH = 4, 5


def pixels(name: str) -> np.ndarray:
    """The image of this name, (H, W, 3)."""
    return np.random.default_rng(crc32(name.encode())).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def write(file: Path, image: np.ndarray, **settings) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file, **{"compress_level": 0} | settings)  # level 0: files of one length


def grow(tree: Path, *splits: str, classes: tuple[str, ...] = ("cat", "dog"), n: int = 4) -> Path:
    """n images a class; test has 3."""
    for split in splits:
        for name in classes:
            for i in range(3 if split == "test" else n):
                file = tree / split / name / f"{i}.png"
                write(file, pixels(str(file.relative_to(tree))))
    return tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return grow(tmp_path / "tree", "train", "test")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def load(tree: Path, cache: Path, **settings) -> ClassificationData:
    return image_folder(str(tree), cache, **{"n_val": 3} | settings)


def expected(*names: str) -> torch.Tensor:
    return torch.from_numpy(np.stack([pixels(name).transpose(2, 0, 1) for name in names]))


def decoding_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args, **_settings) -> None:
        raise AssertionError("an image was decoded")

    monkeypatch.setattr(Image, "open", fail)


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# what is read


def test_labels_are_the_places_of_the_sorted_class_names(tmp_path: Path, cache: Path) -> None:
    tree = grow(tmp_path / "tree", "train", "val", "test", classes=("zebra", "ant", "Bee"), n=2)
    data = load(tree, cache)
    assert data.classes == ("Bee", "ant", "zebra")
    assert data.num_classes == 3
    assert data.train.y.tolist() == [0, 0, 1, 1, 2, 2]
    names = [f"train/{name}/{i}.png" for name in data.classes for i in range(2)]
    assert torch.equal(data.train.x, expected(*names))
    assert data.test.y.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert torch.equal(data.test.x[4], expected("test/ant/1.png")[0])


def test_images_are_bytes_with_channels_first(tree: Path, cache: Path) -> None:
    for data in (load(tree, cache), load(tree, cache)):  # decoded, then from the cache
        assert data.test.x.shape == (6, 3, HEIGHT, WIDTH)
        assert (data.test.x.dtype, data.test.y.dtype) == (torch.uint8, torch.int64)
        assert data.test.x[4, 2, 3, 1] == pixels("test/dog/1.png")[3, 1, 2]
        assert all(split.x.is_contiguous() for split in (data.train, data.val, data.test))
        assert data.is_image


def test_files_come_in_the_order_of_their_names_whatever_their_ending(tree: Path, cache: Path) -> None:
    colours = {"b.JPG": (200, 30, 60), "a.jpeg": (10, 90, 250), "c.PNG": (1, 2, 3)}
    for name, colour in colours.items():
        write(tree / "test" / "cat" / name, np.full((HEIGHT, WIDTH, 3), colour, dtype=np.uint8))
    (tree / "test" / "cat" / "b.txt").write_text("no image")
    (tree / "test" / "notes.txt").write_text("no class")
    x = load(tree, cache).test.x
    assert len(x) == 9
    for i, name in enumerate(("a.jpeg", "b.JPG", "c.PNG"), start=3):
        deviation = x[i].float() - torch.tensor(colours[name])[:, None, None]
        assert deviation.abs().max() <= (0 if name == "c.PNG" else 3)


def test_grey_palette_and_transparent_images_become_three_channels(tree: Path, cache: Path) -> None:
    grey = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
    colour = pixels("transparent")
    write(tree / "test" / "cat" / "0.png", grey)
    write(tree / "test" / "cat" / "1.png", np.dstack([colour, grey]))
    Image.fromarray(grey).convert("P").save(tree / "test" / "cat" / "2.png")
    x = load(tree, cache).test.x
    assert torch.equal(x[0], torch.from_numpy(grey).expand(3, HEIGHT, WIDTH))
    assert torch.equal(x[1], torch.from_numpy(colour.transpose(2, 0, 1).copy()))
    assert torch.equal(x[2], x[0])


def test_size_resizes_bilinearly(tree: Path, cache: Path) -> None:
    step = np.zeros((4, 4, 3), dtype=np.uint8)
    step[:, 2:] = 200
    write(tree / "test" / "cat" / "0.png", step)  # of another size than the others
    data = load(tree, cache, size=2)
    assert data.train.x.shape[1:] == (3, 2, 2)
    assert data.test.x[0].tolist() == [[[29, 171]] * 2] * 3  # 200/7 and 200·6/7


def test_label_and_statistics_can_be_named(tree: Path, cache: Path) -> None:
    data = load(tree, cache, normalize="cifar10")
    assert (data.name, data.label, data.normalize) == ("image_folder", "tree", "cifar10")
    data = load(tree, cache, label="Pets", normalize=None)
    assert (data.name, data.label, data.normalize) == ("image_folder", "Pets", None)


# the validation split


def test_a_val_folder_is_the_validation_split(tree: Path, cache: Path) -> None:
    grow(tree, "val", n=2)
    data = load(tree, cache)
    names = ("val/cat/0.png", "val/cat/1.png", "val/dog/0.png", "val/dog/1.png")
    assert torch.equal(data.val.x, expected(*names))
    assert data.val.y.tolist() == [0, 0, 1, 1]
    assert data.train.ids.tolist() == list(range(8))


def test_without_it_training_images_are_held_out_always_the_same_ones(tree: Path, cache: Path) -> None:
    torch.manual_seed(1)
    first = load(tree, cache)
    torch.manual_seed(2)
    assert load(tree, cache).fingerprint == first.fingerprint
    assert first.val.ids.tolist() == [1, 2, 6]
    assert sorted(first.train.ids.tolist() + first.val.ids.tolist()) == list(range(8))
    names = [f"train/{name}/{i}.png" for name in ("cat", "dog") for i in range(4)]
    for split in (first.train, first.val):
        assert torch.equal(split.x, expected(*names)[split.ids])
        assert torch.equal(split.y, split.ids // 4)


@pytest.mark.parametrize("n_val", [0, 8, 5000])
def test_an_impossible_number_of_held_out_images_is_refused(tree: Path, cache: Path, n_val: int) -> None:
    with data_error(f"dataset.n_val={n_val}", "8 training samples", "1 to 7"):
        load(tree, cache, n_val=n_val)


# the cache


def test_the_cache_lies_in_its_folder_and_nothing_in_the_tree(tree: Path, tmp_path: Path) -> None:
    before, cache = files(tree), tmp_path / "outputs" / "new"
    load(tree, cache)
    assert files(tree) == before
    (file,) = cache.iterdir()
    assert file.suffix == ".npz"


def test_the_second_time_nothing_is_decoded(tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(tree, cache)
    decoding_fails(monkeypatch)
    second = load(tree, cache)
    assert second.fingerprint == first.fingerprint
    assert second.train.x.stride() == first.train.x.stride()  # a convolution's last bits depend on it
    assert load(tree, cache, n_val=2).fingerprint != first.fingerprint  # the split is not part of the cache


def change_time(file: Path) -> None:
    length, changed = file.stat().st_size, file.stat().st_mtime_ns + 1000
    write(file, pixels("new"))
    os.utime(file, ns=(changed, changed))
    assert file.stat().st_size == length


def change_length(file: Path) -> None:
    before = file.stat()
    write(file, pixels("new"), dpi=(1, 1))
    os.utime(file, ns=(before.st_mtime_ns, before.st_mtime_ns))
    assert file.stat().st_size != before.st_size


@pytest.mark.parametrize("change", [change_time, change_length])
def test_a_changed_file_is_decoded_anew(tree: Path, cache: Path, change) -> None:
    load(tree, cache)
    change(tree / "test" / "cat" / "1.png")
    assert torch.equal(load(tree, cache).test.x[1], expected("new")[0])


def test_more_and_fewer_files_are_noticed(tree: Path, cache: Path) -> None:
    load(tree, cache)
    (tree / "test" / "dog" / "2.png").unlink()
    assert len(load(tree, cache).test) == 5
    write(tree / "train" / "dog" / "9.png", pixels("new"))
    data = load(tree, cache)
    assert len(data.train) + len(data.val) == 9
    grow(tree, "val")
    assert len(load(tree, cache).val) == 8


def test_a_moved_file_is_noticed_even_if_all_have_one_length_and_time(tree: Path, cache: Path) -> None:
    for file in tree.rglob("*.png"):
        os.utime(file, ns=(0, 0))
    load(tree, cache)
    (tree / "train" / "dog" / "3.png").rename(
        tree / "test" / "cat" / "+.png"
    )  # from train's end to test's start
    data = load(tree, cache)
    assert len(data.train.x) + len(data.val.x) == 7
    assert torch.equal(data.test.x[:2], expected("train/dog/3.png", "test/cat/0.png"))


def test_every_size_has_its_own_cache(tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for size, shape in ((None, (HEIGHT, WIDTH)), (2, (2, 2)), (3, (3, 3))):
        assert load(tree, cache, size=size).train.x.shape[2:] == shape
    decoding_fails(monkeypatch)
    for size, shape in ((None, (HEIGHT, WIDTH)), (2, (2, 2)), (3, (3, 3))):
        assert load(tree, cache, size=size).train.x.shape[2:] == shape


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    place = content.find(pixels("test/cat/0.png").transpose(2, 0, 1).tobytes())
    assert place > 0
    content[place] ^= 1
    file.write_bytes(content)


def without_a_split(file: Path) -> None:
    with np.load(file) as stored:
        np.savez(file, train=stored["train"])


DAMAGES = {
    "truncated": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "truncated at its end": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "empty": lambda file: file.write_bytes(b""),
    "other": lambda file: file.write_text("not a cache"),
    "one bit": flip_a_bit,
    "one split": without_a_split,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_made_anew(
    tree: Path, cache: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(tree, cache)
    (file,) = cache.iterdir()
    DAMAGES[damage](file)
    assert load(tree, cache).fingerprint == first.fingerprint
    assert list(cache.iterdir()) == [file]
    decoding_fails(monkeypatch)
    assert load(tree, cache).fingerprint == first.fingerprint


def test_two_runs_may_make_the_cache_at_once(
    tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, others = np.savez, []

    def save_while_another_run_does(file, **arrays) -> None:
        save(file, **arrays)
        if not others:
            others.append(None)
            others.append(load(tree, cache))

    monkeypatch.setattr(np, "savez", save_while_another_run_does)
    data = load(tree, cache)
    assert data.fingerprint == others[1].fingerprint
    assert len(list(cache.iterdir())) == 1


def test_a_failed_write_leaves_nothing_behind(
    tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(file, **_arrays) -> None:
        Path(file).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(OSError, match="disk full"):
        load(tree, cache)
    assert not list(cache.iterdir())


# the fingerprint


def test_the_fingerprint_does_not_depend_on_the_place(tree: Path, tmp_path: Path) -> None:
    first = load(tree, tmp_path / "a")
    elsewhere = shutil.copytree(tree, tmp_path / "deep" / "other", copy_function=shutil.copyfile)
    assert load(elsewhere, tmp_path / "b").fingerprint == first.fingerprint


@pytest.mark.parametrize("name", ["train/cat/2.png", "train/dog/0.png", "test/dog/2.png"])
def test_the_fingerprint_sees_one_pixel(tree: Path, cache: Path, name: str) -> None:
    before = load(tree, cache).fingerprint
    image = pixels(name)
    image[HEIGHT - 1, WIDTH - 1, 2] ^= 1
    write(tree / name, image)
    os.utime(tree / name, ns=(1, 1))
    assert load(tree, cache).fingerprint != before


# what is refused


@pytest.mark.parametrize(
    ("gone", "missing"), [(".", "train"), ("train", "train"), ("test", "test")], ids=["root", "train", "test"]
)
def test_a_missing_folder_is_told(tree: Path, cache: Path, gone: str, missing: str) -> None:
    shutil.rmtree(tree / gone)
    with data_error("dataset.root", f"no folder {tree / missing};", "root/{train,test}/<class>"):
        load(tree, cache)


def test_a_file_is_no_folder(tree: Path, cache: Path) -> None:
    shutil.rmtree(tree / "test")
    (tree / "test").write_text("")
    with data_error(f"no folder {tree / 'test'};"):
        load(tree, cache)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_without_classes_is_told(tree: Path, cache: Path, split: str) -> None:
    shutil.rmtree(tree / split, ignore_errors=True)
    (tree / split).mkdir()
    write(tree / split / "0.png", pixels("a picture outside the classes"))
    with data_error("dataset.root", f"{tree / split} has no class folders"):
        load(tree, cache)


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_empty_class_is_told(tree: Path, cache: Path, split: str) -> None:
    for file in (tree / split / "dog").iterdir():
        file.rename(file.with_suffix(".txt"))
    with data_error("dataset.root", f"{tree / split / 'dog'} has no image"):
        load(tree, cache)


@pytest.mark.parametrize("split", ["val", "test"])
def test_classes_that_differ_are_named(tree: Path, cache: Path, split: str) -> None:
    grow(tree, "val", "test")
    (tree / split / "cat").rename(tree / split / "bird")
    with data_error(f"{tree / 'train'} and {tree / split} differ in bird, cat;"):
        load(tree, cache)


def test_a_class_that_only_training_has_is_named(tree: Path, cache: Path) -> None:
    grow(tree, "train", classes=("emu",))
    with data_error(f"{tree / 'train'} and {tree / 'test'} differ in emu;"):
        load(tree, cache)


def test_one_class_is_not_enough(tmp_path: Path, cache: Path) -> None:
    tree = grow(tmp_path / "tree", "train", "test", classes=("cat",))
    with data_error(f"{tree / 'train'} has one class, cat;", "at least 2"):
        load(tree, cache)


@pytest.mark.parametrize("ending", [".png", ".jpg"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_broken_image_is_named(tree: Path, cache: Path, split: str, ending: str) -> None:
    file = (tree / split / "dog" / "1").with_suffix(ending)
    file.write_bytes(b"no image")
    with data_error("dataset.root", f"{file} is not a readable image"):
        load(tree, cache)
    assert not cache.exists()


@pytest.mark.parametrize("ending", [".png", ".jpg"])
@pytest.mark.parametrize("part", [0, 0.5, 0.9])
def test_a_truncated_image_is_named(tree: Path, cache: Path, ending: str, part: float) -> None:
    file = (tree / "train" / "cat" / "3").with_suffix(ending)
    write(file, np.tile(pixels("large"), (20, 20, 1)))
    file.write_bytes(file.read_bytes()[: int(part * file.stat().st_size)])
    with data_error(f"{file} is not a readable image"):
        load(tree, cache, size=4)


@pytest.mark.parametrize(("dtype", "form"), [("uint16", "PNG"), ("int32", "TIFF"), ("float32", "TIFF")])
def test_an_image_of_more_than_8_bits_is_refused_not_clipped(
    tree: Path, cache: Path, dtype: str, form: str
) -> None:
    file = tree / "train" / "cat" / "0.png"  # PIL goes by the content, not by the ending
    Image.fromarray(np.full((HEIGHT, WIDTH), 40_000, dtype=dtype)).save(file, format=form)
    with data_error(f"{file} has more than 8 bits a channel"):
        load(tree, cache)


def test_images_of_several_sizes_are_named(tree: Path, cache: Path) -> None:
    odd = tree / "train" / "dog" / "0.png"
    write(odd, np.zeros((7, 6, 3), dtype=np.uint8))
    first = tree / "train" / "cat" / "0.png"
    with data_error(f"{odd} has 6×7 pixels, {first} has {WIDTH}×{HEIGHT};", "dataset.size"):
        load(tree, cache)


def test_splits_of_different_sizes_are_told(tree: Path, cache: Path) -> None:
    for file in (tree / "test").rglob("*.png"):
        write(file, np.zeros((7, 6, 3), dtype=np.uint8))
    odd, first = tree / "test" / "cat" / "0.png", tree / "train" / "cat" / "0.png"
    with data_error(f"{odd} has 6×7 pixels, {first} has {WIDTH}×{HEIGHT};", "dataset.size"):
        load(tree, cache)
    assert load(tree, cache, size=4).test.x.shape == (6, 3, 4, 4)
