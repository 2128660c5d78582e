"""Seeds that train together: those of an MLP as one network, those of a ResNet side by side on a GPU.

They are evaluated afterwards, seed by seed.
"""

import shutil
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from bregman_exp import build
from bregman_exp.build import Job, together
from bregman_exp.cli.command import failures_recorded_in, log, logging_to, print_once, succeeded
from bregman_exp.cli.fit import (
    begin_run,
    epochs_in,
    fit,
    refuse_foreign_state,
    remaining_epochs,
    set_damaged_checkpoint_aside,
)
from bregman_exp.cli.forms import choose_form
from bregman_exp.cli.run_summary import log_summary
from bregman_exp.cli.time_limit import TimeLimit, kind_of
from bregman_exp.cli.trackers import tracking
from bregman_exp.config import Mlp
from bregman_exp.runs import RunBusyError, RunFolder
from bregman_exp.training.checkpoint import Identity, training_facts
from bregman_exp.training.checkpoint_writing import AtomicCheckpoints
from bregman_exp.training.form import EAGER
from bregman_exp.training.non_finite import NonFiniteLossError
from bregman_exp.training.seed_group import stacked_seeds
from bregman_exp.training.side_by_side import SideBySide
from bregman_exp.training.stack import StackedClassifier

# Parameters of all seeds together. With more, the stack leaves the CPU's cache, and a matrix product costs
# more than its call. Measured with 64 seeds of 3 layers: 2.4 times as fast at width 128, no gain at 256,
# 2.8 times the time at 512.
LARGEST_STACK = 4_000_000

ALONE = "with {} networks train one after another, in the plain form of a step"

JointClassifier = StackedClassifier | SideBySide


def train_stack(jobs: Sequence[Job], limit: TimeLimit) -> tuple[list[Job], list[Job]]:
    """Trains together the seeds that have not begun.

    Returns the jobs that failed, with their errors printed and recorded, and the jobs that the time limit
    postponed. Trained seeds have checkpoints then, and no figures yet. The other seeds do not change: those
    that are complete, begun alone or busy in another process, and all of them where they cannot train
    together.
    """
    min_seeds = _min_seeds(jobs)
    stack, identity = build.stack_folder(jobs), build.stack_identity(jobs)
    if min_seeds is None:
        if stack.path.exists():
            print(f"{stack.path} has a training of these seeds together: it stays as it is.", file=sys.stderr)
        return [], []
    new = [job for job in jobs if not _has_begun(job.folder)]
    if len(new) < min_seeds and not stack.path.exists():
        return [], []
    if not limit.allows(kind_of(jobs[0].run, len(new)), remaining_epochs(jobs[0].run, stack, identity)):
        print(f"{limit.postponed_message}: {stack.path.parent}", file=sys.stderr)
        return [], new
    with ExitStack() as locks:
        try:
            locks.enter_context(stack.locked())
        except RunBusyError:
            return [], []  # the seeds' own folders are busy, too, and are reported
        with logging_to():
            refuse_foreign_state(stack)
            set_damaged_checkpoint_aside(stack, identity)
            members = [job for job in _stack_members(new, stack) if _lock(job.folder, locks)]
        if len(members) >= min_seeds or stack.checkpoint("last").exists():
            return _train(members, stack, identity, limit)
        shutil.rmtree(stack.path)
    return [], []


def _min_seeds(jobs: Sequence[Job]) -> int | None:
    """How many seeds are needed to train them together; None where that is not possible.

    One for a ResNet whose steps are captured; two for a small MLP, whose stack has its own cost.
    """
    run = jobs[0].run
    if run.trainer.callbacks:  # a callback is written for one network
        return None
    if run.of_a_network_alone:
        if (len(jobs) > 1 or run.trainer.accelerator == "gpu") and not run.trainer.fast_dev_run:
            print_once(ALONE.format(" and ".join(run.of_a_network_alone)))
        return None
    if isinstance(run.model, Mlp):
        return 2 if _stackable(jobs) else None
    captured = any(form.captured for form in build.forms(run))
    return 1 if captured and run.trainer.fast != EAGER.name else None


def _stackable(jobs: Sequence[Job]) -> bool:
    """Whether these are several seeds of a small MLP, none of which can end or scale the others' training."""
    settings = jobs[0].run.trainer
    if len(jobs) < 2 or jobs[0].run.logger.trackers:
        return False
    # 16-mixed: where one seed's gradient overflows, the scaler skips the step of all seeds
    if settings.patience is not None or settings.devices > 1 or settings.precision == "16-mixed":
        return False
    parameters = sum(p.numel() for p in jobs[0].new_network().parameters())
    return len(jobs) * parameters <= LARGEST_STACK


def _has_begun(folder: RunFolder) -> bool:
    return folder.complete or folder.checkpoint("last").exists()


def _stack_members(jobs: Sequence[Job], stack: RunFolder) -> list[Job]:
    """The jobs whose seeds are in the stack's checkpoint; all, where there is none yet."""
    last = stack.checkpoint("last")
    if not last.exists():
        return list(jobs)
    seeds = stacked_seeds(last)
    return [job for job in jobs if job.run.seed in seeds]


def _lock(folder: RunFolder, locks: ExitStack) -> bool:
    """Locks the folder for the stack's training; False where another process has it or has trained it."""
    try:
        locks.enter_context(folder.locked())
    except RunBusyError as error:
        log.warning("left out for now: %s", error)
        return False
    return not _has_begun(folder)


def _train(
    jobs: Sequence[Job], stack: RunFolder, identity: Identity, limit: TimeLimit
) -> tuple[list[Job], list[Job]]:
    """Trains the jobs, from the stack's checkpoint if there is one; returns as ``train_stack``."""
    folders = [job.folder for job in jobs]
    failed: list[Job] = []
    postponed: list[Job] = []

    def fail(row: int, error: NonFiniteLossError) -> None:
        failed.append(jobs[row])
        succeeded(lambda: _raise_recorded(error, folders[row]))

    def train() -> None:
        with failures_recorded_in(*folders):
            classifier = _joint_classifier(jobs, stack, fail)
            if classifier is None:
                return  # each seed trains alone in the plain form
            with _tracking(jobs, classifier):
                train_as(classifier)

    def train_as(classifier: JointClassifier) -> None:
        _fit(classifier, jobs, stack, identity, limit)
        epochs, max_epochs = epochs_in(stack.checkpoint("last")), jobs[0].run.trainer.max_epochs
        if classifier.alive and epochs < max_epochs:
            postponed.extend(jobs[row] for row in classifier.alive)
            return log.warning("%s", limit.stopped_message(epochs, max_epochs))
        for row in classifier.alive:
            _write_checkpoints(classifier.checkpoints(row), jobs[row])
        if isinstance(classifier, SideBySide):
            classifier.free()

    with logging_to(*(folder.log for folder in folders)):
        for job in jobs:
            begin_run(job)
        if jobs and not succeeded(train):
            return list(jobs), []
    _remove_when_done(stack, [job for job in jobs if job not in failed])
    return failed, postponed


def _remove_when_done(stack: RunFolder, jobs: Sequence[Job]) -> None:
    """Removes the stack's folder once each of these jobs has a checkpoint of its own."""
    if all(_has_begun(job.folder) for job in jobs) or not stack.checkpoint("last").exists():
        shutil.rmtree(stack.path)


@contextmanager
def _tracking(jobs: Sequence[Job], classifier: JointClassifier) -> Generator[None]:
    """Within it the trackers of a network alone are open; it is evaluated in a later part of its run."""
    if len(jobs) > 1 or not isinstance(classifier, SideBySide):
        yield
        return
    with tracking(jobs[0]) as classifier.trackers:
        yield


def _joint_classifier(
    jobs: Sequence[Job], stack: RunFolder, fail: Callable[[int, NonFiniteLossError], None]
) -> JointClassifier | None:
    """The module that trains the seeds; None for a ResNet where the captured steps are no faster."""
    last = stack.checkpoint("last")
    if isinstance(jobs[0].run.model, Mlp):
        return together.stacked_classifier(jobs, fail)
    checkpoint_form = training_facts(last).form if last.exists() else None
    choice, forward = choose_form(jobs[0], jobs[0].new_network(), len(jobs), checkpoint_form)
    return together.side_by_side(jobs, fail, choice, forward) if choice.form.captured else None


def _fit(
    classifier: JointClassifier, jobs: Sequence[Job], stack: RunFolder, identity: Identity, limit: TimeLimit
) -> None:
    last = stack.checkpoint("last")
    verb = "resuming" if last.exists() else "training"
    all_together = " together" if len(jobs) > 1 else ""
    log.info("%s %s%s: %s", verb, build.seeds_label(jobs), all_together, stack.path.parent)
    log_summary(jobs, jobs[0].new_network())
    try:
        stacked = isinstance(classifier, StackedClassifier)
        epochs = (together.stacked_epochs if stacked else together.side_by_side_epochs)(jobs)
        trainer = together.stacked_trainer(jobs, stack, identity, limit.budget)
        epoch_seconds = fit(trainer, classifier, epochs, last)
        limit.add_run(kind_of(jobs[0].run, len(jobs)), epoch_seconds, None)
    except NonFiniteLossError:
        log.info("no seed is left")


def _raise_recorded(error: NonFiniteLossError, folder: RunFolder) -> None:
    with failures_recorded_in(folder):
        raise error


def _write_checkpoints(contents: dict[str, dict[str, Any]], job: Job) -> None:
    """Writes "best" first, since "last" marks the seed as trained."""
    checkpoints = AtomicCheckpoints(job.folder.checkpoints, job.identity, job.run.without_paths().to_yaml())
    for which in ("best", "last"):
        checkpoints.save_checkpoint(contents[which], job.folder.checkpoint(which))
