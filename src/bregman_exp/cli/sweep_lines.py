"""A line for each run of a sweep's job: its row and seed, its accuracies and verdicts, or how it failed."""

from collections.abc import Collection, Sequence

from bregman_exp.analysis.evaluation_text import verdict_line
from bregman_exp.build import Job
from bregman_exp.cli.evaluate_run import place_of_figures
from bregman_exp.cli.run_summary import row_name
from bregman_exp.cli.sweep import SweepProgress


def note_runs(jobs: Sequence[Job], failed: Collection[Job], postponed: Collection[Job]) -> None:
    """Hands the runs of this job, and what each came to, to the sweep it belongs to, if there is one."""
    sweep = SweepProgress.current
    if sweep is None or not sweep.jobs:
        return
    for job in jobs:
        if job in failed:
            figures = f"failed, see {job.folder.failure}" if job.folder.failure.exists() else "failed"
        elif job in postponed:
            figures = "left for later"
        else:
            figures = verdict_line(place_of_figures(job).read_metrics())
        sweep.add_run(job.folder.path, row_name(job.run, job.act.label), job.run.seed, figures)
