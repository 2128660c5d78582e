"""A time limit, and the pace of training from which the next epoch's time is predicted."""

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]  # seconds since a moment that all processes share

LAST_EPOCHS = 5  # their mean predicts the next epoch's time
DURATION = re.compile(r"(?:(\d+):)?(\d+):(\d\d):(\d\d)")  # [days:]hours:minutes:seconds


def seconds_of(duration: str) -> int:
    """The seconds of "HH:MM:SS" or "DD:HH:MM:SS", as Lightning's Timer writes it.

    Raises ValueError for any other text and for a duration of zero.
    """
    match = DURATION.fullmatch(duration.strip())
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total == 0:
        raise ValueError(
            f"{duration} is not a duration; give hours:minutes:seconds such as 00:08:30, or "
            "days:hours:minutes:seconds, in quotes in a file"
        )
    return total


@dataclass(frozen=True)
class Budget:
    """The time until ``deadline``, in seconds by ``clock``; by default unlimited."""

    deadline: float = float("inf")
    clock: Clock = time.time

    def left(self) -> float:
        """Seconds; less than 0 after the deadline."""
        return self.deadline - self.clock()

    def allows(self, seconds: float) -> bool:
        """Whether something that takes this long would end before the deadline."""
        return seconds <= self.left()


class Pace:
    """Seconds an epoch takes: the mean of the last five, each with its validation and checkpoint.

    The first epoch may compile and allocate, so it counts only until the second has ended.
    """

    def __init__(self, clock: Clock):
        self.clock = clock
        self._first: float | None = None
        self._others: deque[float] = deque(maxlen=LAST_EPOCHS)
        self._since = 0.0

    def begin(self) -> None:
        """Starts the clock, when training begins."""
        self._since = self.clock()

    def epoch_ended(self) -> None:
        """Records the end of an epoch."""
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
