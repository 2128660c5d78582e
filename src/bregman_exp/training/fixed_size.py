"""A forward pass that was compiled for one batch size, beside the plain one."""

from collections.abc import Callable

from torch import Tensor, nn


class FixedSize:
    """x ↦ logits: ``fast`` for training batches of ``size`` samples, the plain model for all others.

    The last batch of an epoch, and validation, are rarely of that size; compiling for them would cost more
    than it saves. Both run on the same parameters.
    """

    def __init__(self, fast: Callable[[Tensor], Tensor], plain: nn.Module, size: int):
        self.fast, self.plain, self.size = fast, plain, size

    def __call__(self, x: Tensor) -> Tensor:
        return self.fast(x) if self.plain.training and len(x) == self.size else self.plain(x)
