"""Freed blocks stay in the process."""

import platform
import subprocess
import sys

import pytest

MEASURE = """
import resource, torch
from bregman_exp.allocator import keep_freed_memory
if {keep}: keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20): torch.ones(16_000_000)  # 64 MB: above the threshold that glibc moves by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_freed_memory_is_kept() -> None:
    def faults(keep: bool) -> int:
        code = MEASURE.format(keep=keep)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert faults(keep=True) < faults(keep=False) / 10
