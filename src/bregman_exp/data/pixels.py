"""Decodes all images of a data set into one array: first the headers, then the pixels."""

import sys
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np
from rich.console import Console
from rich.progress import track

from bregman_exp.data import decoders
from bregman_exp.data.dataset import DataError
from bregman_exp.data.decoding import GREY, MODES, Header, ImageError
from bregman_exp.data.tree import counts
from bregman_exp.memory import installed_memory

T = TypeVar("T")


def decode_all(
    files: Sequence[Path],
    size: int | None,
    channels: int | None = None,
    shorter: int | None = None,
) -> tuple[np.ndarray, list[str]]:
    """The images (n, C, H, W) uint8, and a remark if any were converted.

    C = ``channels``, 1 or 3; None: 1 if all images are grey, else 3. ``size`` and ``shorter`` are those of
    ``decoding.decode``. All headers are checked before anything
    is decoded. Raises DataError, with the file, for an image that
    ``decoding`` refuses, for images of several sizes without ``size``, and for more than the memory holds.
    """
    if size is not None and channels is not None:  # known before the headers of a million images are read
        _check_memory(len(files), channels, size, size)
    headers: list[Header] = []
    _each(files, decoders.headers(files), headers.append, "reading image headers")
    height, width = _common_size(files, headers) if size is None else (size, size)
    if channels is None:
        channels = 1 if all(header.mode in GREY for header in headers) else 3
    _check_memory(len(files), channels, height, width)
    pixels = np.empty((len(files), channels, height, width), np.uint8)
    slots = iter(pixels)

    def store(image: np.ndarray) -> None:
        if image.shape != pixels.shape[1:]:
            raise ImageError(f"has {_size(*image.shape[1:])} pixels, its header says {_size(height, width)}")
        next(slots)[:] = image

    _each(files, decoders.images(files, size, channels, shorter), store, "decoding images")
    return pixels, _conversions(headers, channels)


def _each(files: Sequence[Path], results: Generator[T], take: Callable[[T], object], title: str) -> None:
    """Calls ``take`` with the result of each file, with a progress bar; a refused file is a DataError."""
    console, done = Console(file=sys.stderr), 0
    try:
        with closing(results):
            quiet = not console.is_terminal
            for result in track(results, title, len(files), console=console, disable=quiet):
                take(result)
                done += 1
    except ImageError as error:
        raise DataError(f"dataset.root: {files[done]} {error}.") from error


def _common_size(files: Sequence[Path], headers: Sequence[Header]) -> tuple[int, int]:
    first = headers[0]
    for file, header in zip(files, headers, strict=True):
        if (header.height, header.width) != (first.height, first.width):
            raise DataError(
                f"dataset.root: {file} has {_size(header.height, header.width)} pixels, {files[0]} has "
                f"{_size(first.height, first.width)}; use dataset.size=… to resize them."
            )
    return first.height, first.width


def _check_memory(n: int, channels: int, height: int, width: int) -> None:
    """Raises DataError if the images and their second copy, the splits, exceed the memory."""
    needed, memory = 2 * n * channels * height * width, installed_memory()
    if needed > memory:
        raise DataError(
            f"dataset.root: {n} images of {_size(height, width)} pixels need {needed / 2**30:.1f} GiB and "
            f"this machine has {memory / 2**30:.1f} GiB; use a smaller dataset.size=…, or fewer images."
        )


def _size(height: int, width: int) -> str:
    return f"{width}×{height}"


def _conversions(headers: Sequence[Header], channels: int) -> list[str]:
    name = {1: "grey", 3: "RGB"}[channels]
    modes = Counter(header.mode for header in headers if header.mode != MODES[channels])
    reoriented = sum(header.reoriented for header in headers)
    changes = []
    if modes:
        changes.append(f"{modes.total()} are converted to {name} ({counts(modes)}; transparency is dropped)")
    if reoriented:
        changes.append(f"{reoriented} are turned upright as their EXIF says")
    return [f"dataset.root: of {len(headers)} images {' and '.join(changes)}."] if changes else []
