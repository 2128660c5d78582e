"""Wilson's interval: published values, and SciPy's."""

import pytest
from scipy.stats import binomtest

from bregman_exp.wilson import wilson_interval


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),  # Newcombe, Statistics in Medicine 17, 1998, table I
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_published_intervals(correct: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(correct, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(n - correct, n) == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize("n", [1, 7, 500, 10_000])
def test_it_is_scipys(n: int) -> None:
    for correct in range(0, n + 1, max(1, n // 20)):
        other = binomtest(correct, n).proportion_ci(method="wilson")
        low, high = wilson_interval(correct, n)
        assert (low, high) == pytest.approx((other.low, other.high), abs=1e-12)
        assert 0 <= low <= correct / n <= high <= 1
