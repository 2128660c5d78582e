"""torch.compile with the options that were measured to help (docs/performance.md), and its requirements."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

CPU_OPTIONS: dict[str, Any] = {
    # a value that two later kernels read is stored, not computed twice
    "realize_reads_threshold": 1,
    "cpp.enable_floating_point_contract_flag": "fast",  # fused multiply-add
}


# private functions of torch.cpu, which another version may lack
BF16_TESTS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # in /proc/cpuinfo; the last is Arm's


def compiled(module: nn.Module, device: torch.device) -> Callable[[Tensor], Tensor]:
    """The module's forward pass as a single compiled graph; each new input shape compiles again.

    The first call takes tens of seconds on a CPU, or a few seconds if torch's cache has the graph.
    """
    options = CPU_OPTIONS if device.type == "cpu" else None
    return torch.compile(module, fullgraph=True, dynamic=False, options=options)


def forget_compiled() -> None:
    """Frees the compiled graphs of this process: torch keeps a few networks of a class, then refuses more."""
    torch.compiler.reset()


def missing_for_cpu() -> str | None:
    """What torch.compile needs on a CPU and is missing: the C++ compiler or Python's header; else None."""
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        return f"the C++ compiler {compiler}"
    header = Path(sysconfig.get_path("include"), "Python.h")  # some systems put it in a separate package
    return None if header.exists() else str(header)


def bf16_is_fast_here(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this CPU has bfloat16 arithmetic, according to torch or Linux; False if neither knows.

    Other CPUs convert bfloat16 to float32 first, so it brings no speed.
    """
    tests = [getattr(torch.cpu, name, None) for name in BF16_TESTS]
    if any(test() for test in tests if test is not None):
        return True
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return False  # not Linux
    flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return not BF16_FLAGS.isdisjoint(flags.partition(":")[2].split())
