"""A line for each of several runs: its row and seed, its accuracies and verdicts, or how it failed."""

from bregman_exp.analysis.evaluation_text import verdict_line
from bregman_exp.build import Job
from bregman_exp.cli.evaluate_run import place_of_figures
from bregman_exp.cli.run_summary import row_name
from bregman_exp.cli.sweep import Outcome, SweepProgress


def print_run(job: Job, outcome: Outcome) -> None:
    """Prints the line of a run that has ended, where the command has several."""
    sweep = SweepProgress.current
    if sweep is None or not sweep.several_runs or job.run.trainer.fast_dev_run:
        return
    if outcome is Outcome.POSTPONED:  # which has been said
        return
    figures = _figures(job, outcome)
    sweep.print_run(job.folder.path, row_name(job), job.run.seed, job.overrides, figures)


def _figures(job: Job, outcome: Outcome) -> str:
    if outcome is Outcome.FAILED:
        return f"failed, see {job.folder.failure}" if job.folder.failure.exists() else "failed"
    skipped = " (skipped as complete)" if outcome is Outcome.SKIPPED else ""
    return verdict_line(place_of_figures(job).read_metrics()) + skipped
