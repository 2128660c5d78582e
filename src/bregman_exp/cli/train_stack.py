"""Seeds that train together: those of an MLP as one network, those of a ResNet side by side on a GPU.

Their figures come afterwards, seed by seed.
"""

import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from bregman_exp import build
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
from bregman_exp.config import Mlp, Run
from bregman_exp.data import ClassificationData
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

Member = tuple[Run, RunFolder]
Together = StackedClassifier | SideBySide


def train_stack(
    runs: Sequence[Run], data: ClassificationData, limit: TimeLimit
) -> tuple[list[Run], list[Run]]:
    """Trains together the seeds that have not begun.

    Returns those that failed, each told and recorded, and those that are left for later, since the time does
    not suffice. What has been trained has its checkpoints then, and no figures yet. The other seeds are as
    they were: complete, begun alone, busy elsewhere; or all of them, where they cannot train together
    (``_least``).
    """
    least = _least(runs, data)
    stack, identity = build.stack_folder(runs, data), build.stack_identity(runs, data)
    if least is None:
        if stack.path.exists():
            print(f"{stack.path} has a training of these seeds together: it is left alone.", file=sys.stderr)
        return [], []
    folders = [build.run_folder(run, data) for run in runs]
    fresh = [member for member in zip(runs, folders, strict=True) if not _begun(member[1])]
    if len(fresh) < least and not stack.path.exists():
        return [], []
    if not limit.allows(kind_of(runs[0], len(fresh)), epochs_to_go(runs[0], stack, identity)):
        print(f"{limit.left_for_later}: {stack.path.parent}", file=sys.stderr)
        return [], [run for run, _ in fresh]
    with ExitStack() as locks:
        try:
            locks.enter_context(stack.locked())
        except RunBusyError:
            return [], []  # the seeds' own folders are busy, too, and will say so
        with logging_to():
            refuse_foreign_state(stack)
            set_damaged_checkpoint_aside(stack, identity)
            members = [member for member in _of_stack(fresh, stack) if _claim(member[1], locks)]
        if len(members) >= least or stack.checkpoint("last").exists():
            return _train(members, data, stack, identity, limit)
        shutil.rmtree(stack.path)
    return [], []


def _least(runs: Sequence[Run], data: ClassificationData) -> int | None:
    """How many seeds it takes to train them together; None where that is not possible.

    One, where the steps of a ResNet are captured; two of a small MLP, whose stack has its own cost.
    """
    if runs[0].trainer.callbacks:  # each is of one network
        return None
    if isinstance(runs[0].model, Mlp):
        return 2 if _stackable(runs, data) else None
    captured = any(form.captured for form in build.forms(runs[0]))
    return 1 if captured and runs[0].trainer.fast != EAGER.name else None


def _stackable(runs: Sequence[Run], data: ClassificationData) -> bool:
    """Several seeds of a small MLP, none of which can end or scale the others' training."""
    settings = runs[0].trainer
    if len(runs) < 2 or runs[0].logger.name != "csv":
        return False
    # 16-mixed: where a gradient overflows, its scaler skips the step, of all seeds
    if settings.patience is not None or settings.devices > 1 or settings.precision == "16-mixed":
        return False
    parameters = sum(p.numel() for p in build.model(runs[0], data).parameters())
    return len(runs) * parameters <= LARGEST_STACK


def _begun(folder: RunFolder) -> bool:
    return folder.complete or folder.checkpoint("last").exists()


def _of_stack(members: Sequence[Member], stack: RunFolder) -> list[Member]:
    """Those in the stack's checkpoint; all, where there is none yet."""
    last = stack.checkpoint("last")
    if not last.exists():
        return list(members)
    seeds = stacked_seeds(last)
    return [(run, folder) for run, folder in members if run.seed in seeds]


def _claim(folder: RunFolder, locks: ExitStack) -> bool:
    """Keeps other processes out; where one is in already, the seed has its turn after the stack."""
    try:
        locks.enter_context(folder.locked())
    except RunBusyError as error:
        log.info("left out for now: %s", error)
        return False
    return not _begun(folder)  # nor has another process trained it in between


def _train(
    members: Sequence[Member],
    data: ClassificationData,
    stack: RunFolder,
    identity: Identity,
    limit: TimeLimit,
) -> tuple[list[Run], list[Run]]:
    """Trains the members, from the stack's checkpoint if there is one; returns as ``train_stack``."""
    runs, folders = [run for run, _ in members], [folder for _, folder in members]
    failed: list[Run] = []
    left: list[Run] = []

    def fail(row: int, error: NonFiniteLossError) -> None:
        failed.append(runs[row])
        went_well(lambda: _record(error, folders[row]))

    def train() -> None:
        with failures_recorded_in(*folders):
            classifier = _together(runs, data, folders, stack, fail)
            if classifier is None:
                return  # the plain form, which each seed trains in alone
            _fit(classifier, runs, data, stack, identity, limit)
            epochs, of = epochs_in(stack.checkpoint("last")), runs[0].trainer.max_epochs
            if classifier.alive and epochs < of:
                left.extend(runs[row] for row in classifier.alive)
                return log.info("%s", limit.stopped(epochs, of))
            for row in classifier.alive:
                own = build.training_identity(runs[row], data)
                _write_checkpoints(classifier.checkpoints(row), folders[row], own)
            if isinstance(classifier, SideBySide):
                classifier.free()

    with logging_to(*(folder.log for folder in folders)):
        for run, folder in members:
            begin_run(run, data, folder)
        if members and not went_well(train):
            return runs, []
    all_written = all(_begun(folder) for run, folder in members if run not in failed)
    if all_written or not stack.checkpoint("last").exists():
        shutil.rmtree(stack.path)
    return failed, left


def _together(
    runs: Sequence[Run],
    data: ClassificationData,
    folders: Sequence[RunFolder],
    stack: RunFolder,
    fail: Callable[[int, NonFiniteLossError], None],
) -> Together | None:
    """What trains the seeds; None where the steps of a ResNet are not captured, since that was no faster."""
    run, last = runs[0], stack.checkpoint("last")
    if isinstance(run.model, Mlp):
        return build.stacked_classifier(runs, data, folders, fail)
    net = build.model(run, data).to(build.device(run))
    begun_in = training_facts(last).form if last.exists() else None
    choice, forward = choose_form(run, net, data, len(runs), begun_in)
    return build.side_by_side(runs, data, folders, fail, choice, forward) if choice.form.captured else None


def _fit(
    classifier: Together,
    runs: Sequence[Run],
    data: ClassificationData,
    stack: RunFolder,
    identity: Identity,
    limit: TimeLimit,
) -> None:
    last = stack.checkpoint("last")
    how = "resuming" if last.exists() else "training"
    together = " together" if len(runs) > 1 else ""
    log.info("%s %s%s: %s", how, build.seeds_label(runs), together, stack.path.parent)
    try:
        stacked = isinstance(classifier, StackedClassifier)
        epochs = (build.stacked_epochs if stacked else build.side_by_side_epochs)(runs, data)
        pace = fit(build.stacked_trainer(runs, stack, identity, limit.budget), classifier, epochs, last)
        limit.worked(kind_of(runs[0], len(runs)), pace, None)
    except NonFiniteLossError:
        log.info("no seed is left")


def _record(error: NonFiniteLossError, folder: RunFolder) -> None:
    with failures_recorded_in(folder):
        raise error


def _write_checkpoints(contents: dict[str, dict[str, Any]], folder: RunFolder, identity: Identity) -> None:
    """The best first: where the last is, the seed has been trained."""
    checkpoints = AtomicCheckpoints(folder.checkpoints, identity)
    for which in ("best", "last"):
        checkpoints.save_checkpoint(contents[which], folder.checkpoint(which))
