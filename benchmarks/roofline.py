"""How fast this machine computes and moves numbers, and the least time of a cost that follows."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch
import torch.nn.functional as F

from benchmarks.counting import Cost
from bregman_exp.training.form import Form, computing_in

SIDE = 1024  # of the square matrices multiplied
IMAGE, KERNEL = (16, 128, 34, 34), (128, 128, 3, 3)  # of the convolution, channels-last
MULTIPLIED = 16 * 32 * 32 * 128 * 128 * 9  # its multiply-adds
COPIED = 64 * 2**20  # float32 values: 256 MiB, more than any cache
TRIES = 20


@dataclass(frozen=True)
class Roofline:
    """Operations and bytes a second."""

    operations: float
    bandwidth: float

    def floors(self, cost: Cost) -> tuple[float, float]:
        """The seconds of the operations alone, and of the bytes alone."""
        return cost.operations / self.operations, cost.bytes / self.bandwidth


@cache
def roofline() -> Roofline:
    """Measured once a process, the fastest of a few tries; a copy counts as read and written.

    The operations are those of a matrix product or of a convolution, whichever is faster.
    """
    a = torch.randn(SIDE, SIDE)
    image, kernel = (torch.randn(shape).to(memory_format=torch.channels_last) for shape in (IMAGE, KERNEL))
    source = torch.randn(COPIED)
    target = torch.empty_like(source)
    product, copy = _fastest(lambda: a @ a), _fastest(lambda: target.copy_(source))
    convolution = _fastest(lambda: F.conv2d(image, kernel))
    operations = max(2 * SIDE**3 / product, 2 * MULTIPLIED / convolution)
    return Roofline(operations, 2 * COPIED * source.element_size() / copy)


def card(device: torch.device, side: int, copied: int) -> dict[str, Roofline]:
    """The rooflines of a GPU: float32, tf32 and bf16 products of ``side`` × ``side`` matrices.

    The bandwidth is that of a copy of ``copied`` float32 values.
    """
    source = torch.randn(copied, device=device)
    target = torch.empty_like(source)
    bandwidth = 2 * source.nbytes / _in_a_row(lambda: target.copy_(source), device)
    types = {"float32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}
    products = {}
    for name, dtype in types.items():
        a = torch.randn(side, side, device=device, dtype=dtype)
        with computing_in(Form(name, tf32=name == "tf32")):
            products[name] = 2 * side**3 / _in_a_row(partial(torch.mm, a, a), device)
    return {name: Roofline(product, bandwidth) for name, product in products.items()}


def finish(device: torch.device) -> None:
    """Waits until the device has finished all launched work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _in_a_row(action: Callable[[], object], device: torch.device) -> float:
    """Seconds of an action that is launched ten times in a row, the fastest of three tries."""

    def ten() -> None:
        for _ in range(10):
            action()
        finish(device)

    ten()
    return min(_seconds(ten) for _ in range(3)) / 10


def _fastest(action: Callable[[], object]) -> float:
    return min(_seconds(action) for _ in range(TRIES))


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
