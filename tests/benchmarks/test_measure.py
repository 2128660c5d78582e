"""The measuring engine on cases that only say how long they took."""

import math
from itertools import cycle

import pytest

from benchmarks.measure import MIN_ROUNDS, WARM_UP, Case, Limits, Measurement, measure, timed
from benchmarks.row import row
from benchmarks.table import table
from bregman_exp.terminal import as_text


def fake(name: str, *seconds: float) -> Case:
    """A case whose rounds take these seconds in turn, after a warm-up that takes a thousand; all but "a" are
    compared to "a"."""
    planned = iter([1000.0] * WARM_UP)
    later = cycle(seconds)
    return Case(name, lambda: next(planned, None) or next(later), {} if name == "a" else {"first": "a"})


def measured(**times: list[float]) -> Measurement:
    return Measurement(times, {name: {} for name in times}, settled=True)


def test_medians_of_rounds_and_of_ratios_within_a_round() -> None:
    found = measured(a=[1.0, 2.0, 4.0, 1.0, 9.0], b=[2.0, 4.0, 8.0, 3.0, 9.0])
    assert found.seconds("a") == 2.0
    assert found.ratio("b", "a") == 2.0
    assert found.ratio("a", "a") == 1.0
    assert found.spread("a", "a") == 0.0


def test_the_spread_is_the_notch_of_a_box_plot() -> None:
    found = measured(a=[1.0] * 5, b=[1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.spread("b", "a") == pytest.approx(1.57 * 2 / (5**0.5 * 3))
    assert math.isinf(measured(a=[1.0], b=[2.0]).spread("b", "a"))


def test_it_stops_when_the_spread_is_small_and_the_warm_up_does_not_count() -> None:
    found = measure([fake("a", 1.0), fake("b", 3.0)], Limits(spread=0.05, rounds=100))
    assert found.settled
    assert found.rounds == MIN_ROUNDS
    assert found.times == {"a": [1.0] * MIN_ROUNDS, "b": [3.0] * MIN_ROUNDS}


def test_what_slows_a_whole_round_does_not_keep_it_going() -> None:
    found = measure([fake("a", 1.0, 7.0, 2.0), fake("b", 2.0, 14.0, 4.0)], Limits(spread=0.01, rounds=100))
    assert found.rounds == MIN_ROUNDS
    assert found.ratio("b", "a") == 2.0


def test_more_rounds_make_the_spread_smaller() -> None:
    found = measure([fake("a", 1.0), fake("b", 1.0, 1.1)], Limits(spread=0.03, rounds=100))
    assert found.settled
    assert MIN_ROUNDS < found.rounds < 100
    assert found.worst <= 0.03


def test_a_noisy_machine_is_told() -> None:
    found = measure([fake("a", 1.0), fake("b", 1.0, 9.0, 3.0)], Limits(spread=0.01, rounds=12))
    assert not found.settled
    assert found.rounds == 12
    line = row("subject", "b", found, 1.0, "ms", share=0.5)
    assert line.noisy
    assert line.ratios == {"first": found.ratio("b", "a")}
    assert "machine noisy" in as_text(table([line], {"cpu": "none"}))


def test_too_few_rounds_are_not_settled() -> None:
    found = measure([fake("a", 1.0), fake("b", 1.0)], Limits(rounds=MIN_ROUNDS - 1))
    assert not found.settled
    assert row("subject", "b", found, 1.0, "ms").spread is None


def test_the_time_limit_ends_it() -> None:
    found = measure([fake("a", 1.0), fake("b", 1.0, 9.0)], Limits(spread=0.01, rounds=10**9, seconds=0.01))
    assert not found.settled


def test_a_unit_of_the_work() -> None:
    seen = []
    assert 0 <= timed(lambda: seen.append(1), units=10)() < 0.1
    assert seen == [1]
