"""Decodes many image files in parallel: a few by threads, many by processes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar

import numpy as np

from bregman_exp.data import decoding
from bregman_exp.data.decoding import Header

T = TypeVar("T")

THREADS = 8
# Threads decode 2,000 to 3,000 images of 32 × 32 a second on any number of cores, since the interpreter's
# lock is held most of the time. A process decodes 4,000 a second, after 0.2 s to start.
MIN_FILES_A_PROCESS = 2000


def headers(files: Sequence[Path]) -> Generator[Header]:
    """The header of each file, in order; raises ImageError at the first that ``read_header`` refuses."""
    return _each(files, decoding.read_header, decoding.header_from, {"headers": True})


def images(
    files: Sequence[Path], size: int | None, channels: int = 3, shorter: int | None = None
) -> Generator[np.ndarray]:
    """The pixels (C, H, W) of each file, in order; raises ImageError at the first that ``decode`` refuses."""
    task: dict[str, object] = {"headers": False, "size": size, "channels": channels, "shorter": shorter}
    return _each(
        files, lambda file: decoding.decode(file, size, channels, shorter), decoding.image_from, task
    )


def _each(
    files: Sequence[Path],
    decode: Callable[[str], T],
    read: Callable[[IO[bytes]], T],
    task: dict[str, object],
) -> Generator[T]:
    """``decode(file)`` for each file, in order.

    Many files are decoded by processes: each gets ``task``, and ``read`` takes the results from its output.
    """
    processes = min(_cores(), len(files) // MIN_FILES_A_PROCESS)
    if processes > 1:
        return _by_processes(files, decode, read, task, processes)
    return _by_threads(files, decode)


def _cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _by_threads(files: Sequence[Path], decode: Callable[[str], T]) -> Generator[T]:
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(decode, map(str, files))


def _by_processes(
    files: Sequence[Path],
    decode: Callable[[str], T],
    read: Callable[[IO[bytes]], T],
    task: dict[str, object],
    processes: int,
) -> Generator[T]:
    """Each process decodes every n-th file; the size of its pipe limits how far it works ahead."""
    shares = [files[first::processes] for first in range(processes)]
    with ExitStack() as running:
        streams = [running.enter_context(_process()) for _ in shares]
        for (paths, _), share in zip(streams, shares, strict=True):
            with suppress(BrokenPipeError), paths:
                paths.write(json.dumps(task | {"files": [str(file) for file in share]}).encode())
        for number, file in enumerate(files):
            try:
                yield read(streams[number % processes][1])
            except EOFError:  # the process has died: decode its files here, or raise what is wrong with them
                yield decode(str(file))


@contextmanager
def _process() -> Generator[tuple[IO[bytes], IO[bytes]]]:
    """A decoding process: its input and output.

    It has its own process group, so Ctrl-C does not reach it; it is killed on exit, also after an error.
    """
    command = [sys.executable, "-P", decoding.__file__]  # -P: do not import modules from the script's folder
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, process_group=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdin, process.stdout
        finally:
            process.kill()
