"""Paired and unpaired differences, against figures that are known."""

from math import sqrt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from bregman_exp.analysis.intervals import mean_intervals, newcombe_interval, paired, welch


def rights(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = (both, only_a, only_b, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


@pytest.mark.parametrize(
    ("table", "difference", "p"),
    [  # p = 2 · P(X ≤ min(b, c)) with X ~ Binomial(b + c, ½)
        ((80, 1, 9, 10), -0.08, 2 * (1 + 10) / 2**10),
        ((54, 0, 0, 0), 0, 1),
        ((10, 4, 4, 2), 0, 1),
    ],
)
def test_mcnemar_by_hand(table: tuple[int, int, int, int], difference: float, p: float) -> None:
    a, b = rights(*table)
    one, other = paired(a, b), paired(b, a)
    assert (one.only_a, one.only_b) == table[1:3]
    assert one.p == other.p == pytest.approx(p)
    assert one.difference == -other.difference == pytest.approx(difference)
    assert one.ci95 == pytest.approx((-other.ci95[1], -other.ci95[0]))


@pytest.mark.parametrize(
    ("table", "interval"),
    [  # (both, only a, only b, neither), by method 10; the last where φ is positive before the correction
        ((36, 12, 2, 0), (0.0569, 0.3404)),
        ((54, 0, 0, 0), (-0.0664, 0.0664)),
        ((1, 1, 7, 12), (-0.5069, -0.0256)),
    ],
)
def test_newcombes_interval(table: tuple[int, int, int, int], interval: tuple[float, float]) -> None:
    assert newcombe_interval(*table[:3], n=sum(table)) == pytest.approx(interval, abs=5e-5)


def test_what_has_no_difference_is_refused() -> None:
    right = np.ones(3, bool)
    with pytest.raises(ValueError, match="3 and 2 samples: give the same ones"):
        paired(right, right[:2])
    with pytest.raises(ValueError, match="0 and 0 samples"):
        paired(right[:0], right[:0])
    with pytest.raises(ValueError, match=r"right is int64 of shape \(3,\)"):
        paired(right, np.ones(3, np.int64))
    with pytest.raises(ValueError, match="0 and 1 seeds"):
        welch([], [0.5])


def test_welch_is_the_textbooks() -> None:
    a, b = [0.90, 0.92, 0.91, 0.95], [0.88, 0.80, 0.86]
    difference, interval = welch(a, b)
    assert difference == pytest.approx(np.mean(a) - np.mean(b))
    assert interval == pytest.approx(tuple(ttest_ind(a, b, equal_var=False).confidence_interval()))
    _, interval = welch([0.9, 0.9], [0.5, 0.6, 0.7])  # v = s²/3 = 0.01/3, two degrees of freedom
    half = 4.302653 * sqrt(0.01 / 3)
    assert interval == pytest.approx((0.3 - half, 0.3 + half), abs=1e-6)


@pytest.mark.parametrize(("a", "b"), [([0.9], [0.5, 0.6]), ([0.5, 0.6], [0.9]), ([0.1] * 3, [0.3] * 3)])
def test_no_interval_without_spread(a: list[float], b: list[float]) -> None:
    difference, interval = welch(a, b)
    assert interval is None
    assert difference == pytest.approx(np.mean(a) - np.mean(b))


def test_the_interval_of_a_mean() -> None:
    runs = pd.DataFrame({"accuracy": [1, 2, 3, 0.7], "depth": [3, 3, 3, 5]})
    intervals = mean_intervals(runs, "depth")
    half = 4.302653 / 3**0.5  # t(0.975; 2) s / √3, s = 1
    assert list(intervals.loc[3]) == pytest.approx([2, 2 - half, 2 + half])
    assert list(intervals.loc[5]) == pytest.approx([0.7, np.nan, np.nan], nan_ok=True)
