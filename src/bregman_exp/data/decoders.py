"""Many image files decoded at once: a few by threads, more by processes."""

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
# At least. Threads decode 2,000 to 3,000 images of 32 × 32 a second on any number of cores, since the
# interpreter's lock is held for most of it; each process 4,000, once it has started (0.2 s of a core).
FILES_A_PROCESS = 2000


def headers(files: Sequence[Path]) -> Generator[Header]:
    """The header of each file in turn; raises ImageError at the first that ``read_header`` refuses."""
    return _each(files, decoding.read_header, decoding.header_from, {"headers": True})


def images(files: Sequence[Path], size: int | None) -> Generator[np.ndarray]:
    """The pixels of each file (3, H, W) in turn; raises ImageError at the first that ``decode`` refuses."""
    task: dict[str, object] = {"headers": False, "size": size}
    return _each(files, lambda file: decoding.decode(file, size), decoding.image_from, task)


def _each(
    files: Sequence[Path], here: Callable[[str], T], read: Callable[[IO[bytes]], T], task: dict[str, object]
) -> Generator[T]:
    """What ``here`` gives for each file in turn, by threads; for many files by processes.

    These are given ``task``, and ``read`` takes from their streams what ``here`` would give.
    """
    processes = min(_cores(), len(files) // FILES_A_PROCESS)
    if processes > 1:
        return _by_processes(files, here, read, task, processes)
    return _by_threads(files, here)


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _by_threads(files: Sequence[Path], here: Callable[[str], T]) -> Generator[T]:
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(here, map(str, files))


def _by_processes(
    files: Sequence[Path],
    here: Callable[[str], T],
    read: Callable[[IO[bytes]], T],
    task: dict[str, object],
    processes: int,
) -> Generator[T]:
    """Each process has every n-th file; their pipes keep them a little ahead of what is read here."""
    shares = [files[first::processes] for first in range(processes)]
    with ExitStack() as running:
        streams = [running.enter_context(_process()) for _ in shares]
        for (paths, _), share in zip(streams, shares, strict=True):
            with suppress(BrokenPipeError), paths:
                paths.write(json.dumps(task | {"files": [str(file) for file in share]}).encode())
        for number, file in enumerate(files):
            try:
                yield read(streams[number % processes][1])
            except EOFError:  # the process has ended: here comes what it owed, or what is wrong with the file
                yield here(str(file))


@contextmanager
def _process() -> Generator[tuple[IO[bytes], IO[bytes]]]:
    """Its input and output. Killed at the end, also after an error or Ctrl-C, which it does not hear."""
    command = [sys.executable, "-P", decoding.__file__]  # -P: the modules beside it are not its own
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, process_group=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdin, process.stdout
        finally:
            process.kill()
