"""A line of the results: the measurement of one case, with its ratios to other cases."""

from dataclasses import asdict, dataclass, field
from math import isfinite, isinf
from typing import Any

from benchmarks.measure import Measurement


@dataclass(frozen=True)
class Row:
    """``value`` in ``unit``, None where it was not measured; ``ratios``: the time of this case over that of
    the named one.

    ``spread``: the largest of the ratios' spreads (see ``Measurement.spread``), None without ratios;
    ``noisy``: the measurement stopped at its limits with a spread above the bound; ``details``: more figures.
    """

    subject: str
    case: str
    value: float | None
    unit: str
    ratios: dict[str, float]
    spread: float | None
    rounds: int
    noisy: bool
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def row(subject: str, case: str, measurement: Measurement, value: float, unit: str, **details: Any) -> Row:
    """The row of a measured case, with its ratios to the cases it is compared to."""
    others = measurement.against[case]
    ratios = {name: measurement.ratio(case, other) for name, other in others.items()}
    spread = max((measurement.spread(case, other) for other in others.values()), default=None)
    spread = None if spread is None or isinf(spread) else spread
    noisy = not measurement.settled
    return Row(subject, case, value, unit, ratios, spread, measurement.rounds, noisy, details)


def alone(subject: str, case: str, value: float | None, unit: str, **details: Any) -> Row:
    """The row of a figure that is compared to no other; numbers that are not finite become text."""
    details = {
        name: str(figure) if isinstance(figure, float) and not isfinite(figure) else figure
        for name, figure in details.items()
    }
    return Row(subject, case, value, unit, ratios={}, spread=None, rounds=0, noisy=False, details=details)
