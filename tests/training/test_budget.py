"""A limit of time in itself: what it allows, how long an epoch takes, when training stops."""

from types import SimpleNamespace

import pytest

from bregman_exp.training.budget import Budget, Pace, seconds_of
from bregman_exp.training.callbacks import StopInTime


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:08:30", 510), ("100:00:00", 360_000), ("01:12:00:05", 129_605), ("1:00:00", 3600)],
)
def test_durations(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["90", "8:30", "00:00:00", "1:2:3", "-00:08:30", "00:08:30.5", ""])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; give hours:minutes:seconds such as 00:08:30"):
        seconds_of(text)


def test_a_budget_is_what_is_left_until_the_deadline() -> None:
    clock = Hand()
    budget = Budget(1060.0, clock)
    assert budget.left() == 60
    assert budget.allows(60)
    clock.now += 50
    assert not budget.allows(10.5)
    clock.now += 20
    assert budget.left() == -10
    assert not budget.allows(0)
    assert Budget(clock=clock).allows(1e12)


def test_the_first_epoch_counts_until_there_is_another_and_old_ones_are_forgotten() -> None:
    clock = Hand()
    pace = Pace(clock)
    pace.begin()
    assert pace.seconds is None
    seen = []
    for seconds in (40, 3, 5, 6, 6, 6, 6, 6):
        clock.now += seconds
        pace.epoch_ended()
        seen.append(pace.seconds)
    assert seen == [40, 3, 4, 14 / 3, 5, 5.2, 5.8, 6]


def stopped_after(seconds: float, epoch_seconds: list[float]) -> int:
    """How many of these epochs are trained."""
    clock = Hand()
    callback = StopInTime(Budget(clock.now + seconds, clock))
    whole = SimpleNamespace(broadcast=lambda value: value)
    trainer = SimpleNamespace(
        should_stop=False, current_epoch=0, max_epochs=len(epoch_seconds), strategy=whole
    )
    callback.on_train_start(trainer, None)  # pyright: ignore[reportArgumentType]
    for epoch, length in enumerate(epoch_seconds):
        trainer.current_epoch = epoch
        clock.now += length
        callback.on_train_epoch_end(trainer, None)  # pyright: ignore[reportArgumentType]
        if trainer.should_stop:
            return epoch + 1
    return len(epoch_seconds)


def test_no_epoch_begins_that_cannot_end() -> None:
    assert stopped_after(100, [10] * 20) == 10
    assert stopped_after(99, [10] * 20) == 9
    assert stopped_after(99, [10] * 9) == 9
    assert stopped_after(60, [30, 10, 10, 10]) == 4
    assert stopped_after(1, [10] * 20) == 1


def test_at_the_last_epoch_nothing_is_stopped() -> None:
    clock = Hand()
    callback = StopInTime(Budget(clock.now, clock))
    trainer = SimpleNamespace(should_stop=False, current_epoch=4, max_epochs=5)
    callback.on_train_epoch_end(trainer, None)  # pyright: ignore[reportArgumentType]
    assert not trainer.should_stop
