"""How the logits of a network are computed: by its own forward pass or by a compiled form of it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol

from torch import Tensor, nn

Logits = Callable[[Tensor], Tensor]  # x (N, …) -> logits (N, K)


class Forward(Protocol):
    """Computes the logits of any network of one shape; gradients arrive in its parameters."""

    @contextmanager
    def of(self, network: nn.Module) -> Generator[Logits]:
        """The network's logits; on exit its parameters have the gradients of what was computed inside."""
        ...


class OwnForward:
    """The network's own forward pass, or ``logits``, which computes the same on the same parameters."""

    def __init__(self, logits: Logits | None = None):
        self.logits = logits

    @contextmanager
    def of(self, network: nn.Module) -> Generator[Logits]:
        yield self.logits or network


class FixedSize:
    """x ↦ logits: ``fast`` for training batches of ``size`` samples, the plain model for all others.

    ``fast`` is compiled for one batch size. The last batch of an epoch, and validation, rarely have it;
    compiling for them would cost more than it saves. Both use the same parameters.
    """

    def __init__(self, fast: Logits, plain: nn.Module, size: int):
        self.fast, self.plain, self.size = fast, plain, size

    def __call__(self, x: Tensor) -> Tensor:
        return self.fast(x) if self.plain.training and len(x) == self.size else self.plain(x)


class SharedForward:
    """A template's forward pass, compiled once, on the tensors of one network at a time.

    Only the template is compiled, so a row of many seeds needs one compilation. ``fast`` computes what
    ``template`` does, for training batches of ``size`` samples.
    """

    def __init__(self, template: nn.Module, fast: Logits, size: int):
        self.template, self.logits = template, FixedSize(fast, template, size)

    @contextmanager
    def of(self, network: nn.Module) -> Generator[Logits]:
        pairs = list(zip(self.template.parameters(), network.parameters(), strict=True))
        for of_template, of_network in pairs:
            of_template.data, of_template.grad = of_network.data, None
        for of_template, of_network in zip(self.template.buffers(), network.buffers(), strict=True):
            of_template.data = of_network
        self.template.train(network.training)
        yield self.logits
        for of_template, of_network in pairs:
            of_network.grad, of_template.grad = of_template.grad, None
