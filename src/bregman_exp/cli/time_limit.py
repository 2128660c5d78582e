"""trainer.max_time: which runs may still begin, judged by how long earlier runs of the command took."""

from bregman_exp.cli.journal import Journal
from bregman_exp.config import Run
from bregman_exp.training.budget import Budget, Clock, seconds_of


class TimeLimit:
    """The time limit of a command, and how long its runs took so far, in all processes.

    ``text``: trainer.max_time, None for no limit. ``start``: of the command, in seconds of ``clock``.
    """

    def __init__(self, text: str | None, start: float, clock: Clock, journal: Journal):
        self.text, self._journal = text, journal
        self.budget = Budget(clock=clock) if text is None else Budget(start + seconds_of(text), clock)

    @property
    def is_over(self) -> bool:
        """Whether no run may begin any more; the first of a command always may."""
        return self.budget.left() <= 0 and len(self._journal) > 0

    def allows(self, kind: str, epochs: int) -> bool:
        """Whether a run of this kind, with this many epochs and its evaluation, can end in time.

        Judged by the runs of its kind so far, else by all; where there is none yet, it may begin.
        """
        if self.text is None:
            return True
        if self.is_over:
            return False
        runs = [run for run in self._journal.entries("run_time") if run["epoch_seconds"] is not None]
        runs = [run for run in runs if run["kind"] == kind] or runs
        needed = epochs * _mean(runs, "epoch_seconds") + _mean(runs, "other_seconds")
        return not runs or self.budget.allows(needed)

    def add_run(self, kind: str, epoch_seconds: float | None, other_seconds: float | None) -> None:
        """Records how long a run took: an epoch of it, and the rest; None for what was not measured."""
        if self.text is not None:
            times = {"kind": kind, "epoch_seconds": epoch_seconds, "other_seconds": other_seconds}
            self._journal.add(run_time=times)

    def stopped_message(self, epochs: int, max_epochs: int) -> str:
        """That training stopped at the limit."""
        done = f"stopped after {epochs} of {max_epochs} epochs"
        return f"{done}: trainer.max_time={self.text} is used up; the same command goes on"

    @property
    def postponed_message(self) -> str:
        """Why a run does not begin."""
        left = self.budget.left()
        if left <= 0:
            return f"left for later: trainer.max_time={self.text} is used up"
        return f"left for later: it would not end in the {left:.0f} s left of trainer.max_time={self.text}"


def kind_of(run: Run, together: int = 1) -> str:
    """Runs of one kind take equally long, and so do stacks of equally many seeds."""
    robust = f"{run.training.objective} " if run.training.is_robust else ""
    return f"{run.model_name} {run.act.name} {robust}×{together}"


def _mean(runs: list[dict[str, float | None]], key: str) -> float:
    """Over the runs that have it; 0 where none has."""
    values = [run[key] for run in runs if run[key] is not None]
    return sum(values) / len(values) if values else 0.0  # pyright: ignore[reportCallIssue, reportArgumentType]
