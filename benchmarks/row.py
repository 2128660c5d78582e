"""A line of the results: what was measured of one case, with what it is compared to."""

from dataclasses import dataclass, field
from math import isfinite, isinf
from typing import Any

from benchmarks.measure import Measurement


@dataclass(frozen=True)
class Row:
    """``value`` in ``unit``, None where it was not measured; ``ratios``: the time of this case over that of
    the named one.

    ``spread``: the largest of the ratios' spreads (see ``Measurement.spread``), None where there is none;
    ``noisy``: the measurement stopped at its limits with a spread above the bound; ``told``: more figures.
    """

    subject: str
    case: str
    value: float | None
    unit: str
    ratios: dict[str, float]
    spread: float | None
    rounds: int
    noisy: bool
    told: dict[str, Any] = field(default_factory=dict)


def row(subject: str, case: str, found: Measurement, value: float, unit: str, **told: Any) -> Row:
    """The row of a measured case, with its ratios to those it is compared to."""
    others = found.against[case]
    ratios = {name: found.ratio(case, other) for name, other in others.items()}
    spread = max((found.spread(case, other) for other in others.values()), default=None)
    known = None if spread is None or isinf(spread) else spread
    return Row(subject, case, value, unit, ratios, known, found.rounds, not found.settled, told)


def alone(subject: str, case: str, value: float | None, unit: str, **told: Any) -> Row:
    """The row of a figure with nothing to compare to; what is no finite number is told as a word."""
    told = {
        name: str(figure) if isinstance(figure, float) and not isfinite(figure) else figure
        for name, figure in told.items()
    }
    return Row(subject, case, value, unit, ratios={}, spread=None, rounds=0, noisy=False, told=told)
