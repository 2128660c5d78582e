"""Whose code computes the logits of a network, and on which tensors."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from torch import nn

from bregman_exp.training.classifier import Logits
from bregman_exp.training.fixed_size import FixedSize


class Forward(Protocol):
    """Computes the logits of any network of one shape; gradients arrive in its parameters."""

    @contextmanager
    def of(self, network: nn.Module) -> Generator[Logits]:
        """The network's logits; at the end its parameters have the gradients of what was computed inside."""
        ...


class OwnForward:
    """The network's own forward pass; ``logits``: what computes it, where that is not the network itself."""

    def __init__(self, logits: Logits | None = None):
        self.logits = logits

    @contextmanager
    def of(self, network: nn.Module) -> Generator[Logits]:
        yield self.logits or network


class SharedForward:
    """A template's forward pass, compiled once, on the tensors of whichever network has its turn.

    The compiler follows the template alone, so a row of many seeds is compiled once. ``fast`` computes what
    ``template`` does, for training batches of ``size``.
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
