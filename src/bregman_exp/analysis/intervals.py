"""Confidence intervals and tests of a difference, for the table, the comparison and the curves.

Newcombe's paired interval and McNemar's test for two networks on the same samples, Welch's for two rows over
their seeds, Student's t for one row.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import mean, variance
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import bdtr, stdtrit

from bregman_exp.analysis.names import Frame
from bregman_exp.wilson import wilson_interval

Interval = tuple[float, float]


class Paired(NamedTuple):
    """Two classifiers (or one under two attacks) on the same n samples.

    ``difference``: accuracy of a − accuracy of b, a fraction; ``ci95``: its 95 % interval; ``only_a``,
    ``only_b``: samples that only one has right; ``p``: of McNemar's exact test, that both are as accurate.
    """

    difference: float
    ci95: Interval
    only_a: int
    only_b: int
    p: float


def paired(right_a: np.ndarray, right_b: np.ndarray) -> Paired:
    """McNemar's exact test and Newcombe's interval, from who has which sample right.

    With b samples that only a has right and c that only b has right, equal accuracy makes b a draw from
    Binomial(b + c, ½); p is its two-sided probability (McNemar, Psychometrika 12, 1947), 1 where b + c = 0.

    Shapes: right_a, right_b (n,) bool, in the same order of samples. Raises ValueError otherwise.
    """
    for right in (right_a, right_b):
        if right.dtype != bool or right.ndim != 1:
            raise ValueError(f"right is {right.dtype} of shape {right.shape}; give booleans of shape (n,).")
    if len(right_a) != len(right_b) or len(right_a) == 0:
        raise ValueError(f"{len(right_a)} and {len(right_b)} samples: give the same ones, at least 1.")
    n, only_a, only_b = len(right_a), int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    unequal = only_a + only_b
    p = min(1.0, 2 * float(bdtr(min(only_a, only_b), unequal, 0.5))) if unequal else 1.0
    interval = newcombe_interval(int((right_a & right_b).sum()), only_a, only_b, n)
    return Paired((only_a - only_b) / n, interval, only_a, only_b, p)


def newcombe_interval(both: int, only_a: int, only_b: int, n: int) -> Interval:
    """95 % interval for the difference of two paired proportions.

    With Wilson's intervals (l, u) for p_a and p_b and φ the correlation of the 2 × 2 table,
      lower = p_a − p_b − √((p_a−l_a)² − 2φ (p_a−l_a)(u_b−p_b) + (u_b−p_b)²),
      upper = p_a − p_b + √((u_a−p_a)² − 2φ (u_a−p_a)(p_b−l_b) + (p_b−l_b)²):
    method 10 of Newcombe, "Improved confidence intervals for the difference between binomial proportions
    based on paired data", Statistics in Medicine 17 (1998). Where nothing differs it still has a width.
    """
    p_a, p_b = (both + only_a) / n, (both + only_b) / n
    (low_a, high_a), (low_b, high_b) = wilson_interval(both + only_a, n), wilson_interval(both + only_b, n)
    phi = _correlation(both, only_a, only_b, n - both - only_a - only_b)
    down, up = (
        sqrt(a**2 - 2 * phi * a * b + b**2)
        for a, b in ((p_a - low_a, high_b - p_b), (high_a - p_a, p_b - low_b))
    )
    return p_a - p_b - down, p_a - p_b + up


def _correlation(both: int, only_a: int, only_b: int, neither: int) -> float:
    """φ of the table, drawn towards 0 where positive (a continuity correction); 0 where it is undefined."""
    product = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if product == 0:
        return 0.0
    covariance = both * neither - only_a * only_b
    n = both + only_a + only_b + neither
    return (max(covariance - n / 2, 0.0) if covariance > 0 else covariance) / sqrt(product)


def welch(a: Sequence[float], b: Sequence[float]) -> tuple[float, Interval | None]:
    """ā − b̄, a fraction, with Welch's 95 % interval, from the accuracies of either row's seeds.

    With v = s²/n of each, ā − b̄ ± t(0.975; ν) √(v_a + v_b), ν = (v_a + v_b)² / (v_a²/(n_a−1) + v_b²/(n_b−1))
    (Welch, Biometrika 34, 1947). There is no interval with fewer than two seeds in a row, nor where neither
    row spreads at all: then its width would be zero, which no finite number of seeds can show.

    Raises ValueError where a row has no seeds.
    """
    n_a, n_b = len(a), len(b)
    if not n_a or not n_b:
        raise ValueError(f"{n_a} and {n_b} seeds: give at least 1 of each row.")
    difference, v_a, v_b = mean(a) - mean(b), 0.0, 0.0
    if min(n_a, n_b) > 1:
        v_a, v_b = variance(a) / n_a, variance(b) / n_b  # of equal numbers exactly 0, unlike NumPy's
    if v_a + v_b == 0:
        return difference, None
    freedom = (v_a + v_b) ** 2 / (v_a**2 / (n_a - 1) + v_b**2 / (n_b - 1))
    half = float(stdtrit(freedom, 0.975)) * sqrt(v_a + v_b)
    return difference, (difference - half, difference + half)


def mean_intervals(runs: Frame, by: str) -> Frame:
    """Of the accuracies, by the values of a column: ``mean``, and ``low`` and ``high``, the ends of the 95 %
    interval x̄ ± t(0.975; n−1) s/√n over seeds; NaN where n = 1."""
    seeds = runs["accuracy"].astype(float).groupby(runs[by]).agg(["mean", "sem", "count"])
    half = stdtrit(seeds["count"] - 1, 0.975) * seeds["sem"]
    return pd.DataFrame({"mean": seeds["mean"], "low": seeds["mean"] - half, "high": seeds["mean"] + half})
