"""What the kinds of torture share: how many trials, how long one may take, what a command said."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import TINY, Outcome

SHARE = float(os.environ.get("TORTURE", "1"))  # of the trials; TORTURE=0.05 for a quick look
LONGEST = 5  # seconds of the processor: those on the clock grow with what else the machine does
WAITING = 30  # seconds on the clock, for what waits without computing
TRACEBACK = "Traceback (most recent call last)"
SHORT = ("attack=none", "attack.name=short", "attack.batch_size=16")  # a suite of one quick attack
SHORT += ("attack.attacks=[{attack: pgd, norm: linf, eps: 0.05, steps: 3}]",)
WORDS = (*TINY, *SHORT)


class HangError(BaseException):
    """A command took too long; no handler of the program's catches it."""


def trials(number: int) -> int:
    return max(1, round(number * SHARE))


@contextmanager
def in_time() -> Iterator[None]:
    """Raises HangError where what is within computes for ``LONGEST`` seconds, or waits for ``WAITING``."""

    def end(*_: Any) -> None:
        raise HangError

    limits = ((signal.SIGPROF, signal.ITIMER_PROF, LONGEST), (signal.SIGALRM, signal.ITIMER_REAL, WAITING))
    before = {number: signal.signal(number, end) for number, _, _ in limits}
    for _, timer, seconds in limits:
        signal.setitimer(timer, seconds)
    begin = time.process_time()
    try:
        yield
    finally:
        for number, timer, _ in limits:
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])
    if time.process_time() - begin > LONGEST:  # an extension that let no handler run
        raise HangError


def ended(called: Callable[[], Outcome]) -> Outcome | str:
    """The outcome, or in a few words how it ended where it should not end so."""
    try:
        with in_time():
            done = called()
    except HangError:
        return "hangs"
    except Exception as error:
        return f"foreign {type(error).__name__}: {str(error)[:200]}"
    return "a traceback was printed" if TRACEBACK in done.err else done


def names(done: Outcome, run: Path) -> bool:
    """Whether what was said names the run or a file in it; a terminal breaks long lines."""
    return run.name in "".join((done.out + done.err).split())


def is_one_sentence(done: Outcome) -> bool:
    """Whether a command ended with a sentence on stderr, for a mistake or for what is damaged."""
    return done.code == 1 and done.err.count("\n") <= 1 and len(done.err) > len("Error: \n")
