"""How long the published table takes at the measured speeds."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.gpu_plan import EPOCH, PRECISIONS, SOFTPLUS
from benchmarks.lanes import Setting
from benchmarks.networks import STANDARD
from benchmarks.row import Row, alone

EPOCHS, TESTED = 182, 10_000
BREGMAN_ROWS = 4  # each taken to be as fast as softplus
MINUTE = 60.0


def rows(steps: Mapping[Setting, float], seeds: int, rate: float | None) -> Iterator[Row]:
    """A line for float32 or TF32 and one for bf16, with the fastest form of each row.

    steps: seconds of a step of all seeds side by side; rate: attacked images a second, None where it was not
    measured. No line where a row was not measured.
    """
    for half in PRECISIONS:
        candidates = [
            [setting for setting in steps if (setting.row, setting.half) == (row, half)]
            for row in (STANDARD, SOFTPLUS)
        ]
        if not all(candidates):
            continue
        standard, bregman = (min(settings, key=lambda each: steps[each]) for settings in candidates)
        training = EPOCHS * EPOCH * (steps[standard] + BREGMAN_ROWS * steps[bregman]) / MINUTE
        attacks = None if rate is None else (1 + BREGMAN_ROWS) * seeds * TESTED / rate / MINUTE
        parts: dict[str, Any] = {
            "training": training,
            "attacks": "not measured" if attacks is None else attacks,
            "standard": standard.variant,
            "Bregman": bregman.variant,
        }
        precision = "float32 or TF32" if half is None else "bf16"
        case = f"five rows, {seeds} seeds each, {precision}"
        yield alone("table", case, training + (attacks or 0.0), "min", **parts)
