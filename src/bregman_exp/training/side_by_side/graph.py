"""Work that is captured once and launched as a whole: a CUDA graph; on a CPU, a plain call."""

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager

import torch
from torch import nn
from torch.optim import Optimizer

from bregman_exp.training.lightning import without_advice

Work = Callable[[], None]

WARM_UP = 3  # calls before a capture: libraries choose their kernels, the optimizer creates its state


class Recorder:
    """Turns work into launches on a stream of its own.

    The work must read its input from tensors whose addresses do not change, and must not wait for their
    values. On a CPU, and with ``graphs=False``, the work itself is called.
    """

    def __init__(self, device: torch.device, graphs: bool = True):
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.graphs = graphs
        # the graphs of a lane never run at the same time, so they share their memory
        self._pool = torch.cuda.graph_pool_handle() if self.stream is not None else None

    @contextmanager
    def on_stream(self) -> Generator[None]:
        """Within, launches go to the stream; they start after all that was launched before."""
        if self.stream is None:
            yield
            return
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            yield

    def warm_up(self, work: Work) -> None:
        """Calls the work a few times; the caller restores what it changes (``unchanged``)."""
        with self.on_stream(), without_advice():
            for _ in range(WARM_UP):
                work()
        self.wait()

    def captured(self, work: Work) -> Work:
        """The work as one launch. Raises CUDA's error if it cannot be captured."""
        if self.stream is None:
            return work
        if not self.graphs:
            return lambda: self._call(work)
        graph, before = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        gc.collect()  # freeing an older graph during the capture would break it
        gc.disable()
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self.stream):
                work()
        finally:
            gc.enable()
            torch.cuda.set_stream(before)  # also after an error
        return lambda: self._call(graph.replay)

    def _call(self, work: Work) -> None:
        with torch.cuda.stream(self.stream):
            work()

    def wait(self) -> None:
        """Waits until everything launched is done."""
        if self.stream is not None:
            self.stream.synchronize()


@contextmanager
def unchanged(model: nn.Module, optimizer: Optimizer | None = None) -> Generator[None]:
    """Restores weights, buffers and the optimizer's state on exit, in the same tensors.

    State that the optimizer created within is set to zero, the initial value of all optimizers used here.
    """
    tensors = [*model.parameters(), *model.buffers()]
    kept = [tensor.detach().clone() for tensor in tensors]
    state = {id(tensor): tensor.clone() for tensor in _state(optimizer)}
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in zip(tensors, kept, strict=True):
                tensor.copy_(value)
            for tensor in _state(optimizer):
                tensor.copy_(state.get(id(tensor), torch.zeros_like(tensor)))


def _state(optimizer: Optimizer | None) -> list[torch.Tensor]:
    if optimizer is None:
        return []
    values = [value for state in optimizer.state.values() for value in state.values()]
    return [value for value in values if isinstance(value, torch.Tensor)]
