"""torch.compile with the settings that were measured to help (docs/performance.md), and what it needs."""

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
    # a value that two later kernels read is written down, not computed twice
    "realize_reads_threshold": 1,
    "cpp.enable_floating_point_contract_flag": "fast",  # fused multiply-add
}


# what torch has to say of the CPU; the names are private, so that another version may lack them
BF16_QUESTIONS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # in /proc/cpuinfo; the last is Arm's


def compiled(module: nn.Module, device: torch.device) -> Callable[[Tensor], Tensor]:
    """The module's forward pass as one compiled graph, for inputs of one shape (another compiles again).

    The first call takes tens of seconds on a CPU, a few where torch has compiled the same before.
    """
    options = CPU_OPTIONS if device.type == "cpu" else None
    return torch.compile(module, fullgraph=True, dynamic=False, options=options)


def forget_compiled() -> None:
    """Frees what was compiled in this process: torch keeps a few networks of one class, then refuses."""
    torch.compiler.reset()


def missing_for_cpu() -> str | None:
    """What torch.compile needs on a CPU and does not find: the C++ compiler or Python's header; else None."""
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        return f"the C++ compiler {compiler}"
    header = Path(sysconfig.get_path("include"), "Python.h")  # some systems have it in a package of its own
    return None if header.exists() else str(header)


def bf16_is_fast_here(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this CPU is known to multiply bfloat16 numbers itself.

    Other CPUs convert them first, so that bfloat16 brings no speed. Torch is asked, then Linux; where neither
    knows, the answer is False.
    """
    questions = [getattr(torch.cpu, name, None) for name in BF16_QUESTIONS]
    if any(ask() for ask in questions if ask is not None):
        return True
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return False  # not Linux
    flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return not BF16_FLAGS.isdisjoint(flags.partition(":")[2].split())
