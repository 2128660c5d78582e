"""How figures are written in tables, on the page and on the terminal."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

ABSENT = "—"


def percent(share: float | None, std: float | None = None) -> str:
    """E.g. "98.80", or "98.80 ± 0.12" with a standard deviation; a dash where there is none."""
    if share is None:
        return ABSENT
    return f"{100 * share:.2f}" + ("" if std is None else f" ± {100 * std:.2f}")


def interval(ends: Sequence[float] | None) -> str:
    """E.g. "97.41 – 99.45"."""
    return "" if ends is None else " – ".join(map(percent, ends))


def points(difference: float | None) -> str:
    """A difference of two shares, e.g. "+0.02"; a dash where there is none."""
    return ABSENT if difference is None else f"{100 * difference:+.2f}"


def points_interval(ends: Sequence[float] | None) -> str:
    """E.g. "[-0.30, +0.34]"; a dash where there is none."""
    return f"[{', '.join(map(points, ends))}]" if ends else ABSENT


def number(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.3g}"


def size(eps: float | None) -> str:
    """Of a perturbation, e.g. "0.002784"."""
    return "" if eps is None else f"{eps:.4g}"


def duration(seconds: float | None) -> str:
    """E.g. "2.0 s", "12 min", "3 h 20 min"."""
    if seconds is None:
        return ABSENT
    if seconds < 99.5:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


def counted(n: int, word: str) -> str:
    """E.g. "1 run", "96 runs"."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def each(values: Iterable[object]) -> str:
    """All different values; with more than one of them, how many there are of each: "500 (96), 200 (32)"."""
    count = Counter(map(str, values))
    if len(count) == 1:
        return next(iter(count))
    return ", ".join(f"{value} ({n})" for value, n in count.most_common()) or ABSENT


def ranges(numbers: Iterable[int]) -> str:
    """E.g. "0–15", "0–3, 7"."""
    # among consecutive numbers the distance from number to place is the same
    by_distance = groupby(enumerate(sorted(set(numbers))), lambda pair: pair[1] - pair[0])
    runs = [[number for _, number in run] for _, run in by_distance]
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs) or ABSENT
