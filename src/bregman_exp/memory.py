"""How much memory there is, and what the C library does with what is freed."""

import ctypes
import math
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
LARGEST_KEPT = 2**30  # bytes of one block
LARGEST_BEFORE_2_35 = 2**25  # older versions of glibc refuse more, and would stay at 2**17


def installed_memory() -> float:
    """This machine's memory in bytes; infinite where the system does not say."""
    names = ("SC_PAGE_SIZE", "SC_PHYS_PAGES")
    known = hasattr(os, "sysconf") and all(name in os.sysconf_names for name in names)
    return math.prod(map(os.sysconf, names)) if known else math.inf


def keep_freed_memory() -> None:
    """Lets glibc keep freed blocks for the next step; on other systems it does nothing.

    By default blocks of some megabytes, such as activations, go back to the kernel, which has to map and
    clear new pages in every step: 5 to 10 % of a ResNet's training step on a CPU.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        if not mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT):
            mallopt(M_MMAP_THRESHOLD, LARGEST_BEFORE_2_35)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
