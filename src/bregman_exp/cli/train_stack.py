"""Seeds that train together: those of an MLP as one network, those of a ResNet side by side on a GPU.

Their figures come afterwards, seed by seed.
"""

import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from bregman_exp import build
from bregman_exp.build import Job
from bregman_exp.cli.command import failures_recorded_in, log, logging_to, went_well
from bregman_exp.cli.fit import (
    begin_run,
    epochs_in,
    epochs_to_go,
    fit,
    refuse_foreign_state,
    set_damaged_checkpoint_aside,
)
from bregman_exp.cli.forms import choose_form
from bregman_exp.cli.time_limit import TimeLimit, kind_of
from bregman_exp.config import Mlp
from bregman_exp.runs import RunBusyError, RunFolder
from bregman_exp.training import (
    EAGER,
    AtomicCheckpoints,
    Identity,
    NonFiniteLossError,
    SideBySide,
    StackedClassifier,
    stacked_seeds,
    training_facts,
)

# Parameters of all seeds together. With more, the stack leaves the CPU's cache, and a matrix product costs
# more than its call: 64 seeds of 3 layers were measured to gain a factor of 2.4 at width 128, none at 256,
# and to take 2.8 times as long at 512.
LARGEST_STACK = 4_000_000

Together = StackedClassifier | SideBySide


def train_stack(jobs: Sequence[Job], limit: TimeLimit) -> tuple[list[Job], list[Job]]:
    """Trains together the seeds that have not begun.

    Returns those that failed, each told and recorded, and those that are left for later, since the time does
    not suffice. What has been trained has its checkpoints then, and no figures yet. The other seeds are as
    they were: complete, begun alone, busy elsewhere; or all of them, where they cannot train together
    (``_least``).
    """
    least = _least(jobs)
    stack, identity = build.stack_folder(jobs), build.stack_identity(jobs)
    if least is None:
        if stack.path.exists():
            print(f"{stack.path} has a training of these seeds together: it is left alone.", file=sys.stderr)
        return [], []
    fresh = [job for job in jobs if not _begun(job.folder)]
    if len(fresh) < least and not stack.path.exists():
        return [], []
    if not limit.allows(kind_of(jobs[0].run, len(fresh)), epochs_to_go(jobs[0].run, stack, identity)):
        print(f"{limit.left_for_later}: {stack.path.parent}", file=sys.stderr)
        return [], fresh
    with ExitStack() as locks:
        try:
            locks.enter_context(stack.locked())
        except RunBusyError:
            return [], []  # the seeds' own folders are busy, too, and will say so
        with logging_to():
            refuse_foreign_state(stack)
            set_damaged_checkpoint_aside(stack, identity)
            members = [job for job in _of_stack(fresh, stack) if _claim(job.folder, locks)]
        if len(members) >= least or stack.checkpoint("last").exists():
            return _train(members, stack, identity, limit)
        shutil.rmtree(stack.path)
    return [], []


def _least(jobs: Sequence[Job]) -> int | None:
    """How many seeds it takes to train them together; None where that is not possible.

    One, where the steps of a ResNet are captured; two of a small MLP, whose stack has its own cost.
    """
    run = jobs[0].run
    if run.trainer.callbacks:  # each is of one network
        return None
    if isinstance(run.model, Mlp):
        return 2 if _stackable(jobs) else None
    captured = any(form.captured for form in build.forms(run))
    return 1 if captured and run.trainer.fast != EAGER.name else None


def _stackable(jobs: Sequence[Job]) -> bool:
    """Several seeds of a small MLP, none of which can end or scale the others' training."""
    settings = jobs[0].run.trainer
    if len(jobs) < 2 or jobs[0].run.logger.name != "csv":
        return False
    # 16-mixed: where a gradient overflows, its scaler skips the step, of all seeds
    if settings.patience is not None or settings.devices > 1 or settings.precision == "16-mixed":
        return False
    parameters = sum(p.numel() for p in jobs[0].network.parameters())
    return len(jobs) * parameters <= LARGEST_STACK


def _begun(folder: RunFolder) -> bool:
    return folder.complete or folder.checkpoint("last").exists()


def _of_stack(jobs: Sequence[Job], stack: RunFolder) -> list[Job]:
    """Those in the stack's checkpoint; all, where there is none yet."""
    last = stack.checkpoint("last")
    if not last.exists():
        return list(jobs)
    seeds = stacked_seeds(last)
    return [job for job in jobs if job.run.seed in seeds]


def _claim(folder: RunFolder, locks: ExitStack) -> bool:
    """Keeps other processes out; where one is in already, the seed has its turn after the stack."""
    try:
        locks.enter_context(folder.locked())
    except RunBusyError as error:
        log.info("left out for now: %s", error)
        return False
    return not _begun(folder)  # nor has another process trained it in between


def _train(
    jobs: Sequence[Job], stack: RunFolder, identity: Identity, limit: TimeLimit
) -> tuple[list[Job], list[Job]]:
    """Trains the jobs, from the stack's checkpoint if there is one; returns as ``train_stack``."""
    folders = [job.folder for job in jobs]
    failed: list[Job] = []
    left: list[Job] = []

    def fail(row: int, error: NonFiniteLossError) -> None:
        failed.append(jobs[row])
        went_well(lambda: _record(error, folders[row]))

    def train() -> None:
        with failures_recorded_in(*folders):
            classifier = _together(jobs, stack, fail)
            if classifier is None:
                return  # the plain form, which each seed trains in alone
            _fit(classifier, jobs, stack, identity, limit)
            epochs, of = epochs_in(stack.checkpoint("last")), jobs[0].run.trainer.max_epochs
            if classifier.alive and epochs < of:
                left.extend(jobs[row] for row in classifier.alive)
                return log.info("%s", limit.stopped(epochs, of))
            for row in classifier.alive:
                _write_checkpoints(classifier.checkpoints(row), jobs[row])
            if isinstance(classifier, SideBySide):
                classifier.free()

    with logging_to(*(folder.log for folder in folders)):
        for job in jobs:
            begin_run(job)
        if jobs and not went_well(train):
            return list(jobs), []
    all_written = all(_begun(job.folder) for job in jobs if job not in failed)
    if all_written or not stack.checkpoint("last").exists():
        shutil.rmtree(stack.path)
    return failed, left


def _together(
    jobs: Sequence[Job], stack: RunFolder, fail: Callable[[int, NonFiniteLossError], None]
) -> Together | None:
    """What trains the seeds; None where the steps of a ResNet are not captured, since that was no faster."""
    last = stack.checkpoint("last")
    if isinstance(jobs[0].run.model, Mlp):
        return build.stacked_classifier(jobs, fail)
    begun_in = training_facts(last).form if last.exists() else None
    choice, forward = choose_form(jobs[0], len(jobs), begun_in)
    return build.side_by_side(jobs, fail, choice, forward) if choice.form.captured else None


def _fit(
    classifier: Together, jobs: Sequence[Job], stack: RunFolder, identity: Identity, limit: TimeLimit
) -> None:
    last = stack.checkpoint("last")
    how = "resuming" if last.exists() else "training"
    together = " together" if len(jobs) > 1 else ""
    log.info("%s %s%s: %s", how, build.seeds_label(jobs), together, stack.path.parent)
    try:
        stacked = isinstance(classifier, StackedClassifier)
        epochs = (build.stacked_epochs if stacked else build.side_by_side_epochs)(jobs)
        pace = fit(build.stacked_trainer(jobs, stack, identity, limit.budget), classifier, epochs, last)
        limit.worked(kind_of(jobs[0].run, len(jobs)), pace, None)
    except NonFiniteLossError:
        log.info("no seed is left")


def _record(error: NonFiniteLossError, folder: RunFolder) -> None:
    with failures_recorded_in(folder):
        raise error


def _write_checkpoints(contents: dict[str, dict[str, Any]], job: Job) -> None:
    """The best first: where the last is, the seed has been trained."""
    checkpoints = AtomicCheckpoints(job.folder.checkpoints, job.identity)
    for which in ("best", "last"):
        checkpoints.save_checkpoint(contents[which], job.folder.checkpoint(which))
