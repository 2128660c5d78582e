"""A limit of time, and training that ends within it, at an epoch's end."""

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import pytorch_lightning as pl

Clock = Callable[[], float]  # seconds since a moment that all processes share

LAST_EPOCHS = 5  # whose mean foretells the next
DURATION = re.compile(r"(?:(\d+):)?(\d+):(\d\d):(\d\d)")  # [days:]hours:minutes:seconds


def seconds_of(duration: str) -> int:
    """The seconds of "HH:MM:SS" or "DD:HH:MM:SS", as Lightning's Timer writes it.

    Raises ValueError, in one sentence, for any other text and for no time at all.
    """
    match = DURATION.fullmatch(duration.strip())
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total == 0:
        raise ValueError(
            f"{duration} is no time; give hours:minutes:seconds such as 00:08:30, or days:hours:minutes:"
            "seconds, in quotes where it stands in a file"
        )
    return total


@dataclass(frozen=True)
class Budget:
    """The time until ``deadline``, in seconds by the ``clock``; without a deadline, endless."""

    deadline: float = float("inf")
    clock: Clock = time.time

    def left(self) -> float:
        """Seconds; less than 0 after the deadline."""
        return self.deadline - self.clock()

    def allows(self, seconds: float) -> bool:
        """Whether something that takes so long ends in time."""
        return seconds <= self.left()


class Pace:
    """How long an epoch takes: the mean of the last ones, each with its validation and checkpoint.

    The first epoch, which may compile and allocate, counts only until there is another.
    """

    def __init__(self, clock: Clock):
        self.clock = clock
        self._first: float | None = None
        self._others: deque[float] = deque(maxlen=LAST_EPOCHS)
        self._since = 0.0

    def begin(self) -> None:
        """Training begins."""
        self._since = self.clock()

    def epoch_ended(self) -> None:
        """One more epoch has ended."""
        now = self.clock()
        if self._first is None:
            self._first = now - self._since
        else:
            self._others.append(now - self._since)
        self._since = now

    @property
    def seconds(self) -> float | None:
        """Seconds an epoch; None before the first has ended."""
        return sum(self._others) / len(self._others) if self._others else self._first


class StopInTime(pl.Callback):
    """Ends training at the end of an epoch after which no further one fits into the budget.

    Lightning's own Timer ends it after an epoch that ended too late. The epoch's checkpoint is written as
    ever, and nothing in it says that training has ended: a later call goes on from it.
    """

    def __init__(self, budget: Budget):
        self.budget = budget
        self.pace = Pace(budget.clock)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.pace.begin()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.pace.epoch_ended()
        if trainer.should_stop or trainer.current_epoch + 1 >= (trainer.max_epochs or 0):
            return
        fits = self.budget.allows(self.pace.seconds or 0.0)
        trainer.should_stop = not trainer.strategy.broadcast(fits)  # one clock decides for all processes
