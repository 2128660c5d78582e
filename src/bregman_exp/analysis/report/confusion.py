"""Which classes a row's networks take for which: from the predictions on clean test samples."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bregman_exp.analysis.names import Frame
from bregman_exp.runs.reading import read_arrays
from bregman_exp.runs.run_folder import RunFolder

MOST_CLASSES = 20  # with more, a table of all pairs is too wide for the page
MOST_FREQUENT = 10  # the confusions that are listed instead
NO_CLASS = -1  # the prediction where no logit is finite
LARGEST_CLASS = 1_000_000
BASE = LARGEST_CLASS + 2  # of the codes


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
    read = [codes for codes in map(_codes, runs) if codes is not None]
    if not read:
        return None
    codes, samples = np.unique(np.concatenate(read), return_counts=True)
    pairs = pd.MultiIndex.from_arrays([codes // BASE, codes % BASE + NO_CLASS], names=["true", "predicted"])
    counts: Any = pd.Series(samples, pairs)
    named = (record["dataset"].get("classes") for record in records)  # not in those of older versions
    names = dict(enumerate(map(str, next(filter(None, named), [])))) | {NO_CLASS: "no class"}
    n = max(len(names) - 1, 1 + max(map(max, counts.index)))
    if n > MOST_CLASSES:
        return Confusion(len(read), n, [], [], _most_frequent(counts, names))
    columns = [*range(n), *([NO_CLASS] if NO_CLASS in counts.index.levels[1] else [])]
    table = counts.unstack(fill_value=0).reindex(index=range(n), columns=columns, fill_value=0)
    headings = [names.get(column, str(column)) for column in columns]
    rows = list(zip(headings, table.to_numpy().tolist(), strict=False))
    return Confusion(len(read), n, headings, rows, [])


def _codes(folder: RunFolder) -> np.ndarray | None:
    """True and predicted class of each sample, as one number, which is counted ten times faster than a pair;
    None where predictions.npz is missing or has no usable classes."""
    try:
        arrays = read_arrays(folder.predictions, ("label", "prediction"))
        label, prediction = arrays["label"], arrays["prediction"]
    except (OSError, ValueError, KeyError):
        return None
    fits = label.shape == prediction.shape and _are_classes(label, 0) and _are_classes(prediction, NO_CLASS)
    return label.astype(np.int64) * BASE + prediction.astype(np.int64) - NO_CLASS if fits else None


def _are_classes(values: np.ndarray, lowest: int) -> bool:
    if values.ndim != 1 or values.dtype.kind not in "iu" or not len(values):
        return False
    return lowest <= int(values.min()) and int(values.max()) <= LARGEST_CLASS


def _most_frequent(counts: Any, names: dict[int, str]) -> list[tuple[str, str, int, float]]:
    shares = counts / counts.groupby("true").transform("sum")
    wrong = counts[[true != predicted for true, predicted in counts.index]]
    wrong = wrong.sort_values(ascending=False, kind="stable")[:MOST_FREQUENT]
    return [
        (names.get(true, str(true)), names.get(predicted, str(predicted)), count, shares[true, predicted])
        for (true, predicted), count in wrong.items()
    ]
