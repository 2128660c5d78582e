"""A fit of Lightning's trainer, from the last checkpoint if there is one, and the checkpoint's state."""

import os
from itertools import chain, count
from pathlib import Path

import pytorch_lightning as pl
from torch.multiprocessing.spawn import ProcessRaisedException

from bregman_exp.build import Job
from bregman_exp.cli.command import log
from bregman_exp.config import Run
from bregman_exp.processes import TERMINATED, ending_its_children
from bregman_exp.runs import RunFolder
from bregman_exp.training.callbacks import StopInTime
from bregman_exp.training.checkpoint import CheckpointError, DamagedCheckpointError, Identity, training_facts
from bregman_exp.training.classifier import Classifier
from bregman_exp.training.epochs import Epochs
from bregman_exp.training.form import computing_in
from bregman_exp.training.lightning import without_advice
from bregman_exp.training.non_finite import NonFiniteLossError
from bregman_exp.training.side_by_side import SideBySide
from bregman_exp.training.stack import StackedClassifier


def begin_run(job: Job) -> None:
    """Writes config.yaml, and run.json with the overrides of this job."""
    job.folder.begin(job.run.to_yaml(), job.run_json)


def fit(
    trainer: pl.Trainer, classifier: Classifier | StackedClassifier | SideBySide, epochs: Epochs, last: Path
) -> float | None:
    """Trains from the checkpoint ``last`` if it exists, to the end or to the time limit.

    Returns the seconds an epoch took, None where they were not measured in this process. Raises
    NonFiniteLossError, also that of a spawned process, and KeyboardInterrupt. All spawned processes have
    ended then, since the caller releases the run's lock.
    """
    try:
        with ending_its_children(), without_advice(), computing_in(classifier.choice.form):
            trainer.fit(classifier, epochs, ckpt_path=last if last.exists() else None, weights_only=True)
    except SystemExit as end:
        if end.code == TERMINATED:
            raise
        raise KeyboardInterrupt from None  # Lightning turns Ctrl-C into SystemExit
    except ProcessRaisedException as error:  # its message is a spawned process's traceback
        raise NonFiniteLossError.from_traceback(str(error)) or error from None
    callbacks: list[pl.Callback] = trainer.callbacks  # pyright: ignore[reportAttributeAccessIssue]
    return next((each.pace.seconds for each in callbacks if isinstance(each, StopInTime)), None)


def epochs_in(last: Path) -> int:
    """The finished epochs in a checkpoint; 0 where there is none."""
    return training_facts(last).epochs if last.exists() else 0


def remaining_epochs(run: Run, folder: RunFolder, identity: Identity) -> int:
    """max_epochs where there is no checkpoint yet, or a damaged one."""
    last, max_epochs = folder.checkpoint("last"), run.trainer.max_epochs
    try:
        facts = training_facts(last, identity) if last.exists() else None
    except DamagedCheckpointError:  # it will be set aside
        return max_epochs
    if facts is None:
        return max_epochs
    return 0 if facts.stopped else max(0, max_epochs - facts.epochs)


def set_damaged_checkpoint_aside(folder: RunFolder, identity: Identity) -> None:
    """Renames a damaged last checkpoint and logs it; training starts again.

    Raises other errors of reading it: OSError, or CheckpointError where it is of another training.
    """
    last = folder.checkpoint("last")
    try:
        _ = last.exists() and training_facts(last, identity)
    except DamagedCheckpointError as error:
        damaged = _unused(last.with_name(f"{last.name}.damaged"))
        log.warning("%s Training starts again; the file is kept as %s.", error, damaged.name)
        last.replace(damaged)


def _unused(path: Path) -> Path:
    """The path, or the first of path-2, path-3, … that does not exist."""
    numbered = (path.with_name(f"{path.name}-{n}") for n in count(2))
    return next(candidate for candidate in chain([path], numbered) if not os.path.lexists(candidate))


def refuse_foreign_state(folder: RunFolder) -> None:
    """Raises CheckpointError where the folder has a checkpoint that Lightning would load by itself."""
    foreign = sorted(folder.path.glob("hpc_ckpt_*"))
    if foreign:
        raise CheckpointError(
            f"{foreign[0]} was left by a job of Lightning under SLURM and is not part of this run; remove it."
        )
