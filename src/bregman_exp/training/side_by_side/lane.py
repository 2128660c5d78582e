"""A network that trains beside others, with everything that its steps need on the device."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bregman_exp.training.forward import Forward
from bregman_exp.training.non_finite import NonFiniteLossError
from bregman_exp.training.optimizer import Optim
from bregman_exp.training.side_by_side.graph import Recorder, unchanged

OF_THE_DEVICE = ("lr", "fused", "foreach", "capturable")  # optimizer settings that a checkpoint must not set


class SeedBatches(Protocol):
    """A seed's batches on its device: ``begin`` loads an epoch, ``at`` gives the samples at its places."""

    sizes: list[int]

    def begin(self, epoch: int) -> None: ...

    def at(self, place: Tensor) -> tuple[Tensor, Tensor]: ...


class Lane:
    """A network with its optimizer, its batches, its sums and its stream.

    A step computes what ``Classifier`` computes for a batch, without the host: place in the epoch, learning
    rate and sums are tensors on the device. ``prepare`` captures the step, once for each batch size; then
    ``advance`` launches it. Nothing waits for the device before ``read``.

    ``half``: the type of autocast, or None. ``captured=False``: a step's operations are launched one by one.
    """

    def __init__(
        self,
        model: nn.Module,
        optim: Optim,
        batches: SeedBatches,
        forward: Forward,
        half: torch.dtype | None,
        captured: bool = True,
    ):
        self.model, self.batches, self.forward, self.half = model, batches, forward, half
        self.device = next(model.parameters()).device
        on_cpu = self.device.type == "cpu"
        self.optimizer = optim.build_optimizer(model.parameters(), captured=True)
        # float64 on a CPU, as the learning rate of the plain optimizer is a Python float
        self.rate = torch.zeros((), device=self.device, dtype=torch.float64 if on_cpu else torch.float32)
        self.optimizer.param_groups[0]["lr"] = self.rate
        self.rates = self.rate.new_zeros(len(batches.sizes))  # of the epoch's steps
        self.gradients: list[Tensor] = []  # of the latest step, if all batches have one size
        self._recorder = Recorder(self.device, captured)
        self._launch: dict[int, Callable[[], None]] = {}
        self._place = torch.zeros((), dtype=torch.int64, device=self.device)  # samples seen in this epoch
        self._step = torch.zeros((), dtype=torch.int64, device=self.device)  # steps taken in this epoch
        self._loss = torch.zeros((), dtype=torch.float64, device=self.device)  # summed over samples
        self._correct = torch.zeros((), dtype=torch.int64, device=self.device)
        self._bad_step = torch.full_like(self._step, -1)  # the first whose loss is not finite
        self._bad_loss = torch.zeros((), device=self.device)

    def prepare(self) -> None:
        """Captures the steps; restores weights and the optimizer's state."""
        self.model.train()
        self.begin(0, [0.0] * len(self.batches.sizes))
        for size in dict.fromkeys(self.batches.sizes):
            with unchanged(self.model, self.optimizer):
                self._recorder.warm_up(lambda size=size: self._first(size))
                self._rewind()
                self._launch[size] = self._recorder.captured(lambda size=size: self._advance(size))
                self._recorder.wait()

    def begin(self, epoch: int, rates: Sequence[float]) -> None:
        """Loads an epoch: its batches, and the learning rate of each of its steps."""
        self.batches.begin(epoch)
        self.rates.copy_(torch.tensor(rates, dtype=self.rates.dtype))
        self._rewind()
        with self._recorder.on_stream():
            pass  # the steps wait for these copies

    def advance(self, size: int) -> None:
        """Launches the next step, of a batch of ``size`` samples."""
        self._launch[size]()

    def read(self) -> tuple[float, float]:
        """Mean loss and accuracy of this epoch's steps, for which it waits."""
        self._recorder.wait()
        samples = int(self._place)
        return float(self._loss) / samples, int(self._correct) / samples

    def failure(self, epoch: int) -> NonFiniteLossError | None:
        """The epoch's first non-finite loss, if any; to be called after ``read``."""
        step = int(self._bad_step)
        if step < 0:
            return None
        return NonFiniteLossError(epoch, epoch * len(self.batches.sizes) + step, float(self._bad_loss))

    def content(self) -> dict[str, Any]:
        """The state for ``load``, in plain containers."""
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load(self, content: dict[str, Any]) -> None:
        """Takes over weights and the optimizer's state; to be called before ``prepare``."""
        self.model.load_state_dict(content["model"])
        group = self.optimizer.param_groups[0]
        own = {key: group[key] for key in OF_THE_DEVICE if key in group}
        self.optimizer.load_state_dict(content["optimizer"])
        self.optimizer.param_groups[0].update(own)

    def _first(self, size: int) -> None:
        """Rewinds, then takes the epoch's first step."""
        self._rewind()
        self._advance(size)

    def _rewind(self) -> None:
        for tensor in (self._place, self._step, self._loss, self._correct):
            tensor.zero_()
        self._bad_step.fill_(-1)

    def _advance(self, size: int) -> None:
        """The step: the next ``size`` samples, loss, gradients, update, sums."""
        # self.rates[self._step] would read the step on the host
        self.rate.copy_(self.rates.index_select(0, self._step.view(1)).view(()))
        x, y = self.batches.at(self._place + torch.arange(size, device=self.device))
        self.optimizer.zero_grad()
        with self._autocast(False), self.forward.of(self.model) as logits_of:
            with self._autocast(self.half is not None):
                logits = logits_of(x)
                loss = F.cross_entropy(logits, y)
            loss.backward()
        self.gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        self.optimizer.step()
        self._count(loss.detach(), logits.detach(), y)

    def _autocast(self, enabled: bool) -> torch.autocast:
        # a cached cast would not be part of a later launch
        return torch.autocast(self.device.type, self.half, enabled=enabled, cache_enabled=False)

    def _count(self, loss: Tensor, logits: Tensor, y: Tensor) -> None:
        bad = ~loss.isfinite() & (self._bad_step < 0)
        self._bad_step.copy_(torch.where(bad, self._step, self._bad_step))
        self._bad_loss.copy_(torch.where(bad, loss, self._bad_loss))
        self._loss += loss.double() * len(y)
        self._correct += (logits.argmax(dim=1) == y).sum()
        self._place += len(y)
        self._step += 1
