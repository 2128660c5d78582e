"""Which classes a row's networks take for which: from the predictions on clean test samples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bregman_exp.analysis.names import Frame
from bregman_exp.runs.reading import read_arrays
from bregman_exp.runs.run_folder import RunFolder

MOST_CLASSES = 20  # with more, a table of all pairs is too wide for the page
MOST_FREQUENT = 10  # the confusions that are listed instead
NO_CLASS, UNDECIDED = -1, "no class"  # the prediction where no logit is finite
LARGEST_CLASS = 1_000_000

Pairs = Counter[tuple[int, int]]  # (true class, predicted class) -> samples


@dataclass(frozen=True)
class Confusion:
    """Counts of test samples, summed over ``runs`` runs.

    ``predicted``: the headings of the table; ``rows``: a true class with its counts, in the order of the
    headings. With more than MOST_CLASSES classes both are empty. ``frequent`` then has the most frequent
    confusions: true class, predicted class, count, and its share of the true class.
    """

    runs: int
    classes: int
    predicted: list[str]
    rows: list[tuple[str, list[int]]]
    frequent: list[tuple[str, str, int, float]]


def confusion(row: Frame) -> Confusion | None:
    """The confusion of classes in a row's own evaluations; None where no run has its predictions."""
    records = [own for own in row["own"] if own]
    runs = [RunFolder(Path(run)) for run, own in zip(row["run"], row["own"], strict=True) if own]
    classes = [pair for pair in map(_classes, runs) if pair is not None]
    if not classes:
        return None
    label, prediction = map(np.concatenate, zip(*classes, strict=True))
    base = LARGEST_CLASS + 2
    codes, counts = np.unique(label.astype(np.int64) * base + prediction - NO_CLASS, return_counts=True)
    pairs = zip(codes.tolist(), counts.tolist(), strict=True)
    counted = Pairs({(code // base, code % base + NO_CLASS): count for code, count in pairs})
    return _counted(counted, _class_names(records), len(classes))


def _classes(folder: RunFolder) -> tuple[np.ndarray, np.ndarray] | None:
    """The true and the predicted classes; None where predictions.npz is missing or has no usable classes."""
    try:
        arrays = read_arrays(folder.predictions, ("label", "prediction"))
        label, prediction = arrays["label"], arrays["prediction"]
    except (OSError, ValueError, KeyError):
        return None
    fits = label.shape == prediction.shape and _are_classes(label, 0) and _are_classes(prediction, NO_CLASS)
    return (label, prediction) if fits else None


def _are_classes(values: np.ndarray, lowest: int) -> bool:
    if values.ndim != 1 or values.dtype.kind not in "iu" or not len(values):
        return False
    return lowest <= int(values.min()) and int(values.max()) <= LARGEST_CLASS


def _class_names(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """As in the first metrics.json that has them; [] for runs of older versions."""
    named = (record["dataset"].get("classes") for record in records)
    return next(([str(name) for name in names] for names in named if names), [])


def _counted(pairs: Pairs, names: list[str], runs: int) -> Confusion:
    n = max(len(names), 1 + max(max(pair) for pair in pairs))
    names = [*names, *map(str, range(len(names), n))]
    if n > MOST_CLASSES:
        return Confusion(runs, n, [], [], _most_frequent(pairs, [*names, UNDECIDED]))
    columns = [*range(n), *([NO_CLASS] if any(predicted == NO_CLASS for _, predicted in pairs) else [])]
    rows = [(names[true], [pairs[true, predicted] for predicted in columns]) for true in range(n)]
    return Confusion(runs, n, [[*names, UNDECIDED][column] for column in columns], rows, [])


def _most_frequent(pairs: Pairs, names: list[str]) -> list[tuple[str, str, int, float]]:
    """``names[NO_CLASS]`` is UNDECIDED."""
    of_class = Counter[int]()
    for (true, _), count in pairs.items():
        of_class[true] += count
    wrong = sorted((-count, *pair) for pair, count in pairs.items() if pair[0] != pair[1])
    return [
        (names[true], names[predicted], -count, -count / of_class[true])
        for count, true, predicted in wrong[:MOST_FREQUENT]
    ]
