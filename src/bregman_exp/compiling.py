"""torch.compile with the settings that were measured to help (docs/performance.md)."""

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


def compiled(module: nn.Module, device: torch.device) -> Callable[[Tensor], Tensor]:
    """The module's forward pass as one compiled graph, for inputs of one shape (another compiles again).

    The first call takes tens of seconds on a CPU, a few where torch has compiled the same before.
    """
    options = CPU_OPTIONS if device.type == "cpu" else None
    return torch.compile(module, fullgraph=True, dynamic=False, options=options)


def forget_compiled() -> None:
    """Frees what was compiled in this process: torch keeps a few networks of one class, then refuses."""
    torch._dynamo.reset()


def missing_for_cpu() -> str | None:
    """What torch.compile needs on a CPU and does not find: the C++ compiler or Python's header; else None."""
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        return f"the C++ compiler {compiler}"
    header = Path(sysconfig.get_path("include"), "Python.h")  # some systems have it in a package of its own
    return None if header.exists() else str(header)
