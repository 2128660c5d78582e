"""One call of Lightning's trainer: from the last checkpoint or from the start, and how it may end."""

import os
from itertools import chain, count
from pathlib import Path

import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from torch.multiprocessing.spawn import ProcessRaisedException

from bregman_exp import build
from bregman_exp.build import Job
from bregman_exp.cli.command import log
from bregman_exp.config import Run
from bregman_exp.processes import TERMINATED, ending_its_children
from bregman_exp.runs import RunFolder
from bregman_exp.training import (
    CheckpointError,
    Classifier,
    DamagedCheckpointError,
    Epochs,
    Identity,
    NonFiniteLossError,
    SideBySide,
    StackedClassifier,
    StopInTime,
    computing_in,
    training_facts,
    without_advice,
)


def begin_run(job: Job) -> None:
    """Writes config.yaml, and run.json with the overrides of this job as Hydra has them."""
    overrides = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    job.folder.begin(job.run.to_yaml(), job.note(overrides))


def fit(
    trainer: pl.Trainer, classifier: Classifier | StackedClassifier | SideBySide, epochs: Epochs, last: Path
) -> float | None:
    """Trains from the checkpoint ``last`` if it is there, to the end or as long as there is time.

    Gives the seconds that an epoch took; None where nobody looked at the clock in this process.
    Raises NonFiniteLossError, also one of a spawned process, and KeyboardInterrupt; no spawned process is
    left then, since the caller gives back the run's lock.
    """
    try:
        with ending_its_children(), without_advice(), computing_in(classifier.choice.form):
            trainer.fit(classifier, epochs, ckpt_path=last if last.exists() else None, weights_only=True)
    except SystemExit as end:
        if end.code == TERMINATED:
            raise
        raise KeyboardInterrupt from None  # what Lightning makes of Ctrl-C
    except ProcessRaisedException as error:  # a spawned process's, with its traceback for a message
        raise NonFiniteLossError.from_traceback(str(error)) or error from None
    finally:
        build.finish_loggers(trainer)
    callbacks: list[pl.Callback] = trainer.callbacks  # pyright: ignore[reportAttributeAccessIssue]
    return next((each.pace.seconds for each in callbacks if isinstance(each, StopInTime)), None)


def epochs_in(last: Path) -> int:
    """The finished epochs in a checkpoint; 0 where there is none."""
    return training_facts(last).epochs if last.exists() else 0


def epochs_to_go(run: Run, folder: RunFolder, identity: Identity) -> int:
    """All of them where there is no checkpoint yet, or one that cannot be read."""
    last, all_of_them = folder.checkpoint("last"), run.trainer.max_epochs
    try:
        facts = training_facts(last, identity) if last.exists() else None
    except DamagedCheckpointError:  # it will be set aside
        return all_of_them
    if facts is None:
        return all_of_them
    return 0 if facts.stopped else max(0, all_of_them - facts.epochs)


def set_damaged_checkpoint_aside(folder: RunFolder, identity: Identity) -> None:
    """Renames a last checkpoint that is damaged, and says so: training starts again.

    Whatever else keeps it from being read is raised, also that it is of another training.
    """
    last = folder.checkpoint("last")
    try:
        _ = last.exists() and training_facts(last, identity)
    except DamagedCheckpointError as error:
        kept = _unused(last.with_name(f"{last.name}.damaged"))
        log.info("%s Training starts again; the file is kept as %s.", error, kept.name)
        last.replace(kept)


def _unused(path: Path) -> Path:
    """The path, or path-2, path-3, … where there is something already."""
    numbered = (path.with_name(f"{path.name}-{n}") for n in count(2))
    return next(free for free in chain([path], numbered) if not os.path.lexists(free))


def refuse_foreign_state(folder: RunFolder) -> None:
    """Raises CheckpointError where there is a checkpoint with which Lightning would begin by itself."""
    foreign = sorted(folder.path.glob("hpc_ckpt_*"))
    if foreign:
        raise CheckpointError(
            f"{foreign[0]} was left by a job of Lightning's own, and is not part of a run here; remove it."
        )
