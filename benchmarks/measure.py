"""The measuring engine: runs cases in turn in one process until their ratios are precise enough."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

import numpy as np

WARM_UP = 2  # rounds that do not count: compiling, caches, the allocator
MIN_ROUNDS = 5  # fewer have no meaningful quartiles


@dataclass(frozen=True)
class Case:
    """``run`` does the work once and returns the seconds that a unit of it took (a step, an image).

    ``against``: the cases its time is compared to, displayed name -> case name.
    """

    name: str
    run: Callable[[], float]
    against: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """When to stop: when every spread is at most ``spread``, after ``rounds``, or after ``seconds``."""

    spread: float = 0.02
    rounds: int = 40
    seconds: float = 240.0


@dataclass(frozen=True)
class Measurement:
    """Seconds a unit of each case, one value a round; ``settled``: all spreads came below the bound."""

    times: dict[str, list[float]]
    against: dict[str, Mapping[str, str]]  # of each case
    settled: bool

    @property
    def rounds(self) -> int:
        return len(next(iter(self.times.values())))

    @property
    def worst(self) -> float:
        """The largest spread of a case against those it is compared to; infinite before five rounds."""
        return max(self.spread(name, other) for name in self.times for other in self._others(name))

    def seconds(self, name: str) -> float:
        """The median over the rounds."""
        return median(self.times[name])

    def ratio(self, name: str, to: str) -> float:
        """The median of t / t_to, both of the same round, so that a slow round has no effect."""
        return median(self._ratios(name, to))

    def spread(self, name: str, to: str) -> float:
        """1.57 · IQR / (√n · median) of the ratios t / t_to of the n rounds.

        About half the width of the median's 95 % interval (the notch of a box plot), as a share of the
        median. Infinite for fewer than five rounds.
        """
        ratios = self._ratios(name, to)
        if len(ratios) < MIN_ROUNDS:
            return math.inf
        low, high = np.quantile(ratios, (0.25, 0.75))
        return float(1.57 * (high - low) / (len(ratios) ** 0.5 * median(ratios)))

    def _others(self, name: str) -> list[str]:
        return [name, *self.against[name].values()]

    def _ratios(self, name: str, to: str) -> list[float]:
        return [a / b for a, b in zip(self.times[name], self.times[to], strict=True)]


def measure(cases: Sequence[Case], limits: Limits) -> Measurement:
    """Runs all cases in turn, every second round backwards, until the worst spread is within the limits."""
    for _ in range(WARM_UP):
        for case in cases:
            case.run()
    against = {case.name: case.against for case in cases}
    measurement = Measurement({case.name: [] for case in cases}, against, settled=False)
    start = time.perf_counter()
    for number in range(1, limits.rounds + 1):
        for case in cases if number % 2 else reversed(cases):
            measurement.times[case.name].append(case.run())
        if measurement.worst <= limits.spread:
            return replace(measurement, settled=True)
        if time.perf_counter() - start > limits.seconds:
            break
    return measurement


def timed(action: Callable[[], object], units: int = 1) -> Callable[[], float]:
    """A case's ``run``: does the action and returns its seconds divided by its units of work."""

    def run() -> float:
        start = time.perf_counter()
        action()
        return (time.perf_counter() - start) / units

    return run
