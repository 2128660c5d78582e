"""trainer.max_time: what may still begin, by the speed of what has been done in the same command."""

from bregman_exp.cli.journal import Journal
from bregman_exp.config import Run
from bregman_exp.training import Budget, Clock, seconds_of


class TimeLimit:
    """The command's time, and what its runs took so far, in whichever process they ran.

    ``text``: as trainer.max_time says it; None: no limit. ``start``: the command's, by the ``clock``.
    """

    def __init__(self, text: str | None, start: float, clock: Clock, journal: Journal):
        self.text, self._journal = text, journal
        self.budget = Budget(clock=clock) if text is None else Budget(start + seconds_of(text), clock)

    @property
    def is_over(self) -> bool:
        """Whether nothing may begin any more; what begins first in a command always may."""
        return self.budget.left() <= 0 and len(self._journal) > 0

    def allows(self, kind: str, epochs: int) -> bool:
        """Whether a run of this kind can end in time, with so many epochs to train and its evaluation.

        Judged by the runs of its kind so far, else by all; where there is none yet, it may begin.
        """
        if self.text is None:
            return True
        if self.is_over:
            return False
        works = [work for work in self._journal.entries("work") if work["epoch_seconds"] is not None]
        works = [work for work in works if work["kind"] == kind] or works
        needed = epochs * _mean(works, "epoch_seconds") + _mean(works, "other_seconds")
        return not works or self.budget.allows(needed)

    def worked(self, kind: str, epoch_seconds: float | None, other_seconds: float | None) -> None:
        """Notes what a run took: an epoch of it, and all the rest; None for what was not seen."""
        if self.text is not None:
            work = {"kind": kind, "epoch_seconds": epoch_seconds, "other_seconds": other_seconds}
            self._journal.add(work=work)

    def stopped(self, epochs: int, of: int) -> str:
        """In words, that training stopped."""
        done = f"stopped after {epochs} of {of} epochs"
        return f"{done}: trainer.max_time={self.text} is used up; the same command goes on"

    @property
    def left_for_later(self) -> str:
        """In words, why a run does not begin."""
        left = self.budget.left()
        if left <= 0:
            return f"left for later: trainer.max_time={self.text} is used up"
        return f"left for later: it would not end in the {left:.0f} s left of trainer.max_time={self.text}"


def kind_of(run: Run, together: int = 1) -> str:
    """Runs of one kind take equally long; so do stacks of as many seeds."""
    return f"{run.model_name} {run.act.name} ×{together}"


def _mean(works: list[dict[str, float | None]], key: str) -> float:
    """Of the works that say it; 0 where none does."""
    known = [work[key] for work in works if work[key] is not None]
    return sum(known) / len(known) if known else 0.0  # pyright: ignore[reportCallIssue, reportArgumentType]
