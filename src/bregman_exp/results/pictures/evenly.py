"""Some of many, evenly spread."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

One = TypeVar("One")


def evenly(several: Sequence[One], most: int) -> list[One]:
    """At most ``most`` ≥ 2 of them in their order, the first and the last among them.

    >>> evenly(range(10), 4)
    [0, 3, 6, 9]
    """
    if len(several) <= most:
        return list(several)
    return [several[place] for place in np.linspace(0, len(several) - 1, most).round().astype(int)]
