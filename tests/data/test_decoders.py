"""Images decoded by processes are those decoded by threads, and so is what is wrong with them."""

import os
import subprocess
import sys
from collections.abc import Generator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bregman_exp.data import decoders, decoding
from bregman_exp.data.decoding import ImageError

N = 23  # of no common divisor with the processes


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Grey, coloured and transparent images of several sizes, one with a name that is no ASCII."""
    random = np.random.default_rng(0)
    kinds = [((), ".png"), ((3,), ".jpg"), ((4,), ".png"), ((3,), ".png")]
    made = []
    for number in range(N):
        channels, ending = kinds[number % len(kinds)]
        file = tmp_path / f"Bär\n {number:02}{ending}"
        pixels = random.integers(0, 256, (3 + number % 5, 6, *channels), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
        made.append(file)
    return made


def by_processes(files: list[Path], size: int | None = None, processes: int = 3) -> Generator[np.ndarray]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoders, "MIN_FILES_A_PROCESS", 1)
        patch.setattr(decoders, "_cores", lambda: processes)
        patch.setattr(decoders, "_by_threads", None)
        return decoders.images(files, size)


def by_threads(files: list[Path], size: int | None = None) -> Generator[np.ndarray]:
    return decoders.images(files, size)


@pytest.mark.parametrize("size", [None, 4])
def test_the_same_bytes(files: list[Path], size: int | None) -> None:
    one, other = list(by_threads(files, size)), list(by_processes(files, size))
    assert len(one) == len(other) == N
    assert len({image.shape for image in one}) == (5 if size is None else 1)
    for a, b in zip(one, other, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert np.array_equal(a, b)


def test_the_same_headers(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    here = list(decoders.headers(files))
    assert [(header.height, header.width) for header in here] == [(3 + n % 5, 6) for n in range(N)]
    assert [header.mode for header in here[:4]] == ["L", "RGB", "RGBA", "RGB"]
    monkeypatch.setattr(decoders, "MIN_FILES_A_PROCESS", 2)
    monkeypatch.setattr(decoders, "_cores", lambda: 3)
    monkeypatch.setattr(decoders, "_by_threads", None)
    assert list(decoders.headers(files)) == here
    broken(files[8])
    headers = decoders.headers(files)
    assert list(islice(headers, 8)) == here[:8]
    with pytest.raises(ImageError, match="is not a readable image"):
        next(headers)


def broken(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20])


def deep(file: Path) -> None:
    Image.fromarray(np.full((4, 4), 40_000, dtype="uint16")).save(file, format="PNG")


@pytest.mark.parametrize(
    ("processes", "spoil", "sentence"),
    [
        (0, broken, "is not a readable image"),
        (0, deep, "has more than 8 bits a channel"),
        (3, deep, "has more than 8 bits a channel"),
    ],
)
def test_the_first_bad_image_ends_it(files: list[Path], processes: int, spoil, sentence: str) -> None:
    for file in files[7:10]:
        spoil(file)
    images = by_processes(files) if processes else by_threads(files)
    assert len(list(islice(images, 7))) == 7
    with pytest.raises(ImageError, match=sentence):
        next(images)


def test_the_folder_says_the_same_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.data.test_image_folder import data_error, grow, load

    tree = grow(tmp_path / "tree", "train", "test")
    whole = load(tree, tmp_path / "a")
    monkeypatch.setattr(decoders, "MIN_FILES_A_PROCESS", 2)
    monkeypatch.setattr(decoders, "_cores", lambda: 2)
    monkeypatch.setattr(decoders, "_by_threads", None)
    processes = load(tree, tmp_path / "b")
    assert processes.fingerprint == whole.fingerprint
    assert processes.train.x.stride() == whole.train.x.stride()
    file = tree / "train" / "dog" / "2.png"
    file.write_bytes(b"no image")
    with data_error(f"{file} is not a readable image"):
        load(tree, tmp_path / "b")
    Image.fromarray(np.zeros((7, 6, 3), dtype=np.uint8)).save(file)
    with data_error(f"{file} has 6×7 pixels", "dataset.size"):
        load(tree, tmp_path / "b")


def test_few_files_are_decoded_here(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "_by_processes", None)
    assert len(list(decoders.images(files, None))) == N
    monkeypatch.setattr(decoders, "MIN_FILES_A_PROCESS", 2)
    monkeypatch.setattr(decoders, "_cores", lambda: 1)
    assert len(list(decoders.images(files, None))) == N


def test_an_end_in_between_ends_the_processes(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ctrl-C does: it is raised where the next image is waited for."""
    began: list[subprocess.Popen] = []

    class Seen(subprocess.Popen):
        def __init__(self, *args, **settings) -> None:
            super().__init__(*args, **settings)
            began.append(self)

    large = tmp_path / "large.png"
    Image.fromarray(np.zeros((400, 400, 3), dtype=np.uint8)).save(large)  # more than a pipe holds
    monkeypatch.setattr(subprocess, "Popen", Seen)
    images = by_processes([large] * 9)
    assert len(list(islice(images, 2))) == 2
    assert len(began) == 3
    assert {os.getpgid(process.pid) for process in began} == {process.pid for process in began}  # no Ctrl-C
    with pytest.raises(KeyboardInterrupt):
        images.throw(KeyboardInterrupt)
    assert all(process.returncode is not None for process in began)


def test_where_the_processes_die_the_images_come_all_the_same(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = tmp_path / "dying.py"
    dying.write_text("")
    whole = list(by_threads(files))
    monkeypatch.setattr(decoding, "__file__", str(dying))
    assert all(np.array_equal(a, b) for a, b in zip(whole, by_processes(files), strict=True))


def test_a_process_imports_neither_torch_nor_the_package() -> None:
    code = f"import runpy, sys; runpy.run_path({decoding.__file__!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    names = {name.split(".")[0] for name in done.stdout.split()}
    assert {"numpy", "PIL"} <= names
    assert not names & {"torch", "bregman_exp"}
