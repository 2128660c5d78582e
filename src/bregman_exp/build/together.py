"""Modules, batches and trainer for several seeds at once: MLPs as a stack, ResNets side by side."""

from collections.abc import Callable, Sequence

import pytorch_lightning as pl
import torch

from bregman_exp.build.job import Job, seeds_label
from bregman_exp.build.known_data import augmentation
from bregman_exp.build.objects import half
from bregman_exp.build.robust_training import loss
from bregman_exp.build.training import (
    CHUNK,
    VALIDATION_BATCH,
    in_time,
    lightning_trainer,
    validation,
)
from bregman_exp.data import (
    PaddedImages,
    PlannedBatches,
    StackedEpochLoader,
)
from bregman_exp.runs import RunFolder
from bregman_exp.training.budget import Budget
from bregman_exp.training.checkpoint import Identity
from bregman_exp.training.checkpoint_writing import AtomicCheckpoints, EpochCheckpoint
from bregman_exp.training.epoch_lines import EpochLines
from bregman_exp.training.epochs import Epochs
from bregman_exp.training.form import Choice
from bregman_exp.training.forward import Forward
from bregman_exp.training.non_finite import NonFiniteLossError
from bregman_exp.training.progress import TrainingProgress
from bregman_exp.training.side_by_side import Lane, SideBySide
from bregman_exp.training.stack import StackedClassifier

ROUNDS = 16  # steps of each network in a Lightning step


def side_by_side(
    jobs: Sequence[Job],
    on_failure: Callable[[int, NonFiniteLossError], None],
    choice: Choice,
    forward: Forward,
) -> SideBySide:
    """The Lightning module of the seeds of a ResNet, each with its own network, batches and curves."""
    run, images = jobs[0].run, PaddedImages(jobs[0].data.train, jobs[0].device)
    augment = augmentation(run, jobs[0].data)

    def lane(row: int, where: torch.device) -> Lane:
        batches = PlannedBatches(images, run.trainer.batch_size, augment=augment, seed=jobs[row].run.seed)
        return Lane(jobs[row].new_network().to(where), run.optim, batches, forward, half(run))

    curves = [EpochLines(job.folder.curves) for job in jobs]
    return SideBySide(lane, run.optim, [job.run.seed for job in jobs], curves, on_failure, choice)


def side_by_side_epochs(jobs: Sequence[Job]) -> Epochs:
    """Training batches are given by their sizes, since each lane loads its own; validation as usual."""
    sizes = [len(part) for part in jobs[0].data.train.y.split(jobs[0].run.trainer.batch_size)]
    return Epochs(lambda *_: sizes, validation(jobs[0]), chunk=ROUNDS)


def stacked_epochs(jobs: Sequence[Job]) -> Epochs:
    """The batches of every epoch for all seeds; for each seed they equal those of ``epochs``."""
    run, data, seeds = jobs[0].run, jobs[0].data, [job.run.seed for job in jobs]
    size = run.trainer.batch_size
    augment = augmentation(run, data)
    val_size = max(size, VALIDATION_BATCH)
    return Epochs(
        StackedEpochLoader(data.train, size, shuffle=True, augment=augment, seeds=seeds),
        StackedEpochLoader(data.val, val_size, shuffle=False, augment=None, seeds=seeds),
        chunk=1 if data.is_image else CHUNK,
    )


def stacked_classifier(
    jobs: Sequence[Job], on_failure: Callable[[int, NonFiniteLossError], None]
) -> StackedClassifier:
    """The Lightning module of all seeds, each with its own initial weights and metrics.csv."""
    nets, seeds = [job.new_network() for job in jobs], [job.run.seed for job in jobs]
    curves = [EpochLines(job.folder.curves) for job in jobs]
    return StackedClassifier(nets, jobs[0].run.optim, seeds, curves, on_failure, loss(jobs[0].run))


def stacked_trainer(
    jobs: Sequence[Job], stack: RunFolder, identity: Identity, budget: Budget | None = None
) -> pl.Trainer:
    """Lightning's trainer of all seeds: one checkpoint, of the last epoch."""
    run = jobs[0].run
    callbacks: list[pl.Callback] = [
        TrainingProgress(f"{run.model_name} {run.act.name} {seeds_label(jobs)}"),
        EpochCheckpoint(stack.checkpoints, "last"),
    ]
    checkpoints = AtomicCheckpoints(stack.checkpoints, identity)
    return lightning_trainer(run.trainer, stack, checkpoints, [*callbacks, *in_time(budget)])
