"""Freed blocks stay in the process."""

import platform
import subprocess
import sys

import pytest

from bregman_exp import memory

MEASURE = """
import resource, torch
from bregman_exp.memory import keep_freed_memory
if {keep}: keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20): torch.ones(16_000_000)  # 64 MB: above the threshold that glibc moves by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc takes the setting")
def test_freed_memory_is_kept() -> None:
    def faults(keep: bool) -> int:
        code = MEASURE.format(keep=keep)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert faults(keep=True) < faults(keep=False) / 10


def test_a_glibc_that_refuses_large_blocks_gets_the_largest_it_takes(monkeypatch) -> None:
    """Before version 2.35 a threshold above 32 MiB is refused, and setting any other stops its growth."""
    taken = {}

    class Old:
        @staticmethod
        def mallopt(parameter: int, value: int) -> int:
            if parameter == memory.M_MMAP_THRESHOLD and value > 2**25:
                return 0
            taken[parameter] = value
            return 1

    monkeypatch.setattr(memory.sys, "platform", "linux")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: Old)
    memory.keep_freed_memory()
    assert taken[memory.M_MMAP_THRESHOLD] == 2**25
