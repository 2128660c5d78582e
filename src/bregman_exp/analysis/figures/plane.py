"""The plane that a layer of two neurons works in: which part of it is shown, and its grid."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Limits = tuple[tuple[float, float], tuple[float, float]]  # of z₁ and of z₂
BEYOND = 0.08  # of the points' extent, on either side
SMALLEST = 1e-3  # side of a frame, in units of 1 + |z|: about points that all but coincide


def frame(z: np.ndarray, lo: float, hi: float) -> Limits:
    """The square that shows a layer: the whole range (lo, hi) of ρ where it is bounded, else a square about
    the points, inside the range.

    Shapes: z (N, 2).
    """
    if math.isfinite(lo) and math.isfinite(hi):
        return (lo, hi), (lo, hi)
    least, most = z.min(axis=0), z.max(axis=0)
    middle = (least + most) / 2
    smallest = SMALLEST * (1 + float(np.abs(middle).max()))
    side = max(float((most - least).max()) * (1 + 2 * BEYOND), smallest)
    start = np.clip(middle - side / 2, lo, max(lo, hi - side))
    (x, y) = (float(value) for value in start)
    return (x, x + side), (y, y + side)


def cell_centres(limits: Limits, n: int) -> np.ndarray:
    """The centres of n × n cells, (n·n, 2), z₁ running fastest; all of them inside the limits."""
    x, y = (lo + (hi - lo) * (np.arange(n) + 0.5) / n for lo, hi in limits)
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def chosen_layers(last: int, most: int = 8) -> list[int]:
    """At most ``most`` of the numbers 0 … last: all of them, or of 0, 1, 2, 5, 10, 20, 50 … and the last.

    >>> chosen_layers(100)
    [0, 1, 2, 5, 10, 20, 50, 100]
    """
    if last < most:
        return list(range(last + 1))
    steps = {digit * 10**power for power in range(len(str(last))) for digit in (1, 2, 5)}
    round_ones = {0, last} | {step for step in steps if step < last}
    others = [step for step in range(last) if step not in round_ones]
    candidates = sorted([*round_ones, *others[: max(0, most - len(round_ones))]])
    return evenly(candidates, most)


def evenly(several: Sequence[Any], most: int) -> list[Any]:
    """At most ``most`` ≥ 2 of them in their order, the first and the last among them.

    >>> evenly(range(10), 4)
    [0, 3, 6, 9]
    """
    if len(several) <= most:
        return list(several)
    return [several[place] for place in np.linspace(0, len(several) - 1, most).round().astype(int)]
