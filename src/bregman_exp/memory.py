"""The size of the memory, how the C library reuses freed memory, and Python's collector of cycles."""

import ctypes
import gc
import math
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
MMAP_THRESHOLD = 2**30  # bytes; freed blocks below it are kept
MMAP_THRESHOLD_OLD = 2**25  # the most that glibc before 2.35 accepts; its default is 2**17


def installed_memory() -> float:
    """This machine's memory in bytes; infinite if the system does not report it."""
    names = ("SC_PAGE_SIZE", "SC_PHYS_PAGES")
    reported = hasattr(os, "sysconf") and all(name in os.sysconf_names for name in names)
    return math.prod(map(os.sysconf, names)) if reported else math.inf


def keep_freed_memory() -> None:
    """Lets glibc keep freed blocks for the next step; does nothing on other systems.

    By default glibc returns blocks of some megabytes, such as activations, to the kernel, which maps and
    clears new pages in every step. That takes 5 to 10 % of a ResNet's training step on a CPU.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        if not mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD):
            mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_OLD)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


@contextmanager
def collector_paused() -> Generator[None]:
    """Within it no cycles are looked for: worth it where many small objects are made and kept."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
