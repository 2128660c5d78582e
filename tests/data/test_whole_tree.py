"""No image of a folder tree is left out, cut or turned without a word."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bregman_exp.data import decoding, pixels
from tests.data.expect import data_error
from tests.data.test_image_folder import HEIGHT, WIDTH, grow, load, write
from tests.data.test_image_folder import pixels as pixels_of


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return grow(tmp_path / "tree", "train", "test")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def png(height: int, width: int, depth: int = 8) -> bytes:
    """A PNG in colour with these sizes in its header and few bytes of pixels behind it."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    row = bytes(1 + 3 * width * depth // 8)
    body = zlib.compress(row * min(height, 8))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


# what is read


@pytest.mark.parametrize("ending", ["webp", "bmp", "tif", "TIFF", "gif", "ppm", "tga", "qoi", "jfif"])
def test_every_usual_format_is_read(tree: Path, cache: Path, ending: str) -> None:
    grey = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
    settings = {"lossless": True} if ending == "webp" else {}
    Image.fromarray(grey).save(tree / "test" / "cat" / f"9.{ending}", **settings)
    data = load(tree, cache)
    assert len(data.test) == 7
    assert torch.equal(data.test.x[3], torch.full((3, HEIGHT, WIDTH), 90, dtype=torch.uint8))


def test_images_in_folders_below_a_class_are_read(tree: Path, cache: Path) -> None:
    write(tree / "test" / "cat" / "siamese" / "old" / "5.png", pixels_of("new"))
    data = load(tree, cache)
    assert data.test.y.tolist() == [0] * 4 + [1] * 3
    assert torch.equal(data.test.x[3], torch.from_numpy(pixels_of("new").transpose(2, 0, 1)))
    assert data.remarks == ()


def test_what_is_no_image_is_counted(tree: Path, cache: Path) -> None:
    (tree / "train" / "cat" / "a.txt").write_text("")
    (tree / "train" / "dog" / "deep").mkdir()
    (tree / "train" / "dog" / "deep" / "b.TXT").write_text("")
    (tree / "test" / "cat" / "c").write_text("")
    write(tree / "test" / "beside.png", pixels_of("new"))  # of no class
    (tree / "valid" / "cat").mkdir(parents=True)
    for _ in ("decoded", "from the cache"):
        skipped, unused = load(tree, cache).remarks
        assert f"4 files of {tree.name} are skipped" in skipped
        assert "(without ending 1, .png 1, .txt 2)" in skipped
        assert unused == f"dataset.root: the folders valid of {tree.name} are not used."


def test_what_systems_leave_in_folders_is_no_news(tree: Path, cache: Path) -> None:
    before = load(tree, cache).fingerprint
    for name in ("._0.png", "Thumbs.db", "desktop.ini", ".hidden.png", ".DS_Store"):
        (tree / "train" / "cat" / name).write_bytes(b"\0")
    for name in ("__MACOSX", "@eaDir", ".git"):
        for place in (tree, tree / "train", tree / "test" / "dog"):
            (place / name).mkdir()
            (place / name / "0.png").write_bytes(b"\0")
    data = load(tree, cache)
    assert (data.fingerprint, data.remarks) == (before, ())


def test_converted_images_are_counted_also_from_the_cache(tree: Path, cache: Path) -> None:
    grey = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    write(tree / "train" / "cat" / "0.png", grey)
    write(tree / "test" / "cat" / "0.png", grey)
    write(tree / "test" / "cat" / "1.png", np.dstack([pixels_of("new"), grey]))
    for _ in ("decoded", "from the cache"):
        (remark,) = load(tree, cache).remarks
        assert "of 14 images 3 are converted to RGB (L 2, RGBA 1;" in remark


# what EXIF says of an image that lies on its side


def turned(file: Path, orientation: int, **settings) -> np.ndarray:
    """Writes an image that EXIF says is to be turned; gives it upright, (3, H, W)."""
    lying = np.zeros((WIDTH, HEIGHT, 3), dtype=np.uint8)
    lying[: WIDTH // 2] = 200
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(lying).save(file, exif=exif, **settings)
    return {6: np.rot90(lying, -1), 8: np.rot90(lying)}[orientation].transpose(2, 0, 1)


@pytest.mark.parametrize("orientation", [6, 8])
@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
def test_an_image_is_turned_upright(tree: Path, cache: Path, ending: str, orientation: int) -> None:
    settings = {"lossless": True} if ending == "webp" else {}
    upright = turned(tree / "test" / "cat" / f"9.{ending}", orientation, **settings)
    data = load(tree, cache)  # of one size only once it is upright
    assert np.array_equal(data.test.x[3].numpy(), upright)
    assert "1 are turned upright" in data.remarks[0]


def test_a_broken_exif_is_told(tree: Path, cache: Path) -> None:
    file = tree / "test" / "cat" / "9.webp"
    Image.new("RGB", (WIDTH, HEIGHT)).save(file, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f", lossless=True)
    content = file.read_bytes()
    assert b"II*" in content
    for exif in (b"II*", b"xx*"):
        file.write_bytes(content.replace(b"II*", exif))
        with data_error(f"{file} is not a readable image"):
            load(tree, cache)


def test_so_is_a_photograph(tree: Path, cache: Path) -> None:
    upright = turned(tree / "test" / "cat" / "9.jpg", 6, quality=100)
    difference = load(tree, cache).test.x[3].numpy().astype(int) - upright
    assert np.abs(difference).max() <= 40  # its colours are coarser than its pixels
    assert np.abs(difference).mean() <= 8


# a file that changed


def test_a_file_changed_in_place_with_its_length_and_time_is_noticed(tree: Path, cache: Path) -> None:
    file = tree / "test" / "cat" / "1.png"
    load(tree, cache)
    before = file.stat()
    write(file, pixels_of("new"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert np.array_equal(load(tree, cache).test.x[1].numpy(), pixels_of("new").transpose(2, 0, 1))


# what is refused


@pytest.mark.parametrize("ending", ["png", "ppm", "tif"])
def test_colour_of_16_bits_is_refused(tree: Path, cache: Path, ending: str) -> None:
    file = tree / "train" / "cat" / f"0.{ending}"
    if ending == "png":
        file.write_bytes(png(HEIGHT, WIDTH, depth=16))
    elif ending == "ppm":
        file.write_bytes(f"P6 {WIDTH} {HEIGHT} 65535\n".encode() + bytes(6 * HEIGHT * WIDTH))
    else:
        file.write_bytes(tiff_of_16_bits())
    with Image.open(file) as image:
        assert image.mode == "RGB"  # PIL would keep the upper 8 bits
    with data_error(f"{file} has more than 8 bits a channel"):
        load(tree, cache)


def tiff_of_16_bits() -> bytes:
    """An uncompressed TIFF in colour."""
    pixels = bytes(6 * HEIGHT * WIDTH)
    entries = [
        (256, 3, 1, WIDTH), (257, 3, 1, HEIGHT), (258, 3, 3, 8 + 2 + 9 * 12 + 4), (259, 3, 1, 1),
        (262, 3, 1, 2), (273, 4, 1, 8 + 2 + 9 * 12 + 4 + 6), (277, 3, 1, 3), (278, 3, 1, HEIGHT),
        (279, 4, 1, len(pixels)),
    ]  # fmt: skip
    directory = (
        struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries) + bytes(4)
    )
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<HHH", 16, 16, 16) + pixels


def test_an_animation_is_refused(tree: Path, cache: Path) -> None:
    frames = [Image.fromarray(pixels_of(name)) for name in ("a", "b")]
    file = tree / "train" / "cat" / "9.gif"
    frames[0].save(file, save_all=True, append_images=frames[1:])
    with data_error(f"{file} has several frames"):
        load(tree, cache)


def test_a_format_is_refused_whatever_the_ending(tree: Path, cache: Path) -> None:
    file = tree / "train" / "cat" / "0.png"
    Image.fromarray(pixels_of("new")).save(file, format="PCX")
    with data_error(f"{file} is an image in the format PCX", "convert it to PNG"):
        load(tree, cache)


@pytest.mark.parametrize("side", [7_100, 10_000, 13_000])  # PIL takes the first, warns at the second
def test_a_huge_image_is_refused_before_it_is_decoded(
    tree: Path, cache: Path, side: int, monkeypatch
) -> None:
    file = tree / "train" / "cat" / "0.png"
    file.write_bytes(png(side, side))
    monkeypatch.setattr(decoding, "decode", None)
    with data_error(str(file), "pixels, the limit is 50,000,000"):
        load(tree, cache, size=8)


def test_more_than_the_memory_holds_is_refused_before_it_is_decoded(
    tree: Path, cache: Path, monkeypatch
) -> None:
    monkeypatch.setattr(decoding, "decode", None)
    monkeypatch.setattr(pixels, "installed_memory", lambda: 2 * 14 * 3 * HEIGHT * WIDTH - 1)
    with data_error(f"14 images of {WIDTH}×{HEIGHT} pixels need", "dataset.size"):
        load(tree, cache)


def test_sizes_are_compared_before_an_image_is_decoded(tree: Path, cache: Path, monkeypatch) -> None:
    odd = tree / "test" / "dog" / "2.png"  # the last of all
    write(odd, np.zeros((7, 6, 3), dtype=np.uint8))
    monkeypatch.setattr(decoding, "decode", None)
    with data_error(f"{odd} has 6×7 pixels"):
        load(tree, cache)


@pytest.mark.parametrize("name", ["9.png", "9.txt", "deep"])
def test_a_broken_link_is_named(tree: Path, cache: Path, name: str) -> None:
    (tree / "train" / "cat" / name).symlink_to(tree / "nowhere")
    with data_error(f"{tree / 'train' / 'cat' / name} is a broken link"):
        load(tree, cache)


def test_a_linked_file_and_a_linked_class_are_read(tree: Path, cache: Path, tmp_path: Path) -> None:
    before = load(tree, cache).fingerprint
    (tree / "train" / "cat").rename(tmp_path / "cat")
    (tree / "train" / "cat").symlink_to(tmp_path / "cat")
    (tree / "test" / "dog" / "1.png").rename(tmp_path / "1.png")
    (tree / "test" / "dog" / "1.png").symlink_to(tmp_path / "1.png")
    assert load(tree, cache).fingerprint == before


@pytest.mark.parametrize("target", [".", "../cat"])
def test_a_link_to_what_is_read_already_is_named(tree: Path, cache: Path, target: str) -> None:
    link = tree / "train" / "dog" / "again"
    link.symlink_to(target)
    with data_error(f"{link} is a link to a folder that has been read already"):
        load(tree, cache)


def test_a_folder_that_cannot_be_read_is_named(tree: Path, cache: Path, monkeypatch) -> None:
    locked, scandir = tree / "test" / "dog", os.scandir

    def permitted(path):
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", permitted)
    with data_error(f"the folder {locked} cannot be read (Permission denied)"):
        load(tree, cache)


def test_a_file_that_cannot_be_read_is_named(tree: Path, cache: Path, monkeypatch) -> None:
    locked, opened = tree / "test" / "dog" / "1.png", Image.open

    def permitted(path):
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path)

    monkeypatch.setattr(Image, "open", permitted)
    with data_error(f"{locked} cannot be read (Permission denied)"):
        load(tree, cache)
