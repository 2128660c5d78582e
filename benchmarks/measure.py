"""The measuring engine: cases side by side in one process, until their ratios are known well enough."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

import numpy as np

WARM_UP = 2  # rounds that do not count: compiling, caches, the allocator
LEAST = 5  # rounds: fewer have no quartiles worth the name


@dataclass(frozen=True)
class Case:
    """``run`` does the work once and returns the seconds that one unit of it took (a step, an image).

    ``against``: what its time is compared to, the name that is shown -> the name of the case.
    """

    name: str
    run: Callable[[], float]
    against: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """When to stop: every spread at most ``spread``, or after ``rounds``, or after ``seconds``."""

    spread: float = 0.02
    rounds: int = 40
    seconds: float = 240.0


@dataclass(frozen=True)
class Measurement:
    """Seconds a unit of each case, one a round; ``settled``: all spreads came below the bound."""

    times: dict[str, list[float]]
    against: dict[str, Mapping[str, str]]  # of each case
    settled: bool

    @property
    def rounds(self) -> int:
        return len(next(iter(self.times.values())))

    @property
    def worst(self) -> float:
        """The largest spread of a case against what it is compared to; infinite before five rounds."""
        return max(self.spread(name, other) for name in self.times for other in self._others(name))

    def seconds(self, name: str) -> float:
        """The median over the rounds."""
        return median(self.times[name])

    def ratio(self, name: str, to: str) -> float:
        """The median of t / t_to, both of the same round, so that what slows a whole round drops out."""
        return median(self._ratios(name, to))

    def spread(self, name: str, to: str) -> float:
        """1.57 · IQR / (√n · median) of the ratios t / t_to of the n rounds.

        About half the width of the median's 95 % interval (the notch of a box plot), as a share of it.
        Infinite for fewer than five rounds.
        """
        ratios = self._ratios(name, to)
        if len(ratios) < LEAST:
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
    found = Measurement({case.name: [] for case in cases}, against, settled=False)
    start = time.perf_counter()
    for done in range(1, limits.rounds + 1):
        for case in cases if done % 2 else reversed(cases):
            found.times[case.name].append(case.run())
        if found.worst <= limits.spread:
            return replace(found, settled=True)
        if time.perf_counter() - start > limits.seconds:
            break
    return found


def timed(action: Callable[[], object], units: int = 1) -> Callable[[], float]:
    """What a case runs: the action, and its seconds divided by the units of work in it."""

    def run() -> float:
        start = time.perf_counter()
        action()
        return (time.perf_counter() - start) / units

    return run
