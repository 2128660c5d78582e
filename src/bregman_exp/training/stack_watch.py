"""Notices which networks of a stack have a loss that is not finite."""

from collections.abc import Callable

import torch

from bregman_exp.training.non_finite import LossWatch, NonFiniteLossError


class RowWatch(LossWatch):
    """Watches losses (S,): a row's first loss that is not finite is kept in ``failed`` and given to
    ``on_failure``; the error is raised only where no row is left.
    """

    def __init__(self, on_failure: Callable[[int, NonFiniteLossError], None]) -> None:
        super().__init__()
        self.failed: dict[int, NonFiniteLossError] = {}
        self._on_failure = on_failure

    def check(self) -> None:
        """Looks at the losses since the last check."""
        losses, where = self._losses, self._where
        self._losses, self._where = [], []
        if not losses:
            return
        table = torch.stack(losses)  # (steps, S)
        bad = ~table.isfinite()
        for row in bad.any(0).nonzero().flatten().tolist():
            if row not in self.failed:
                step = int(bad[:, row].int().argmax())
                self.fail(row, NonFiniteLossError(*where[step], float(table[step, row])))
        if len(self.failed) == table.shape[1]:
            raise self.failed[max(self.failed, key=lambda row: self.failed[row].step)]

    def fail(self, row: int, error: NonFiniteLossError) -> None:
        """Remembers that the row has failed, and tells it."""
        self.failed[row] = error
        self._on_failure(row, error)
