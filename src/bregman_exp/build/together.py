"""What trains several seeds at once: an MLP's as a stack, a ResNet's side by side."""

from collections.abc import Callable, Sequence

import pytorch_lightning as pl
import torch

from bregman_exp.build.folders import seeds_label
from bregman_exp.build.objects import device, half, model
from bregman_exp.build.training import (
    CHUNK,
    VALIDATION_BATCH,
    in_time,
    lightning_trainer,
    loggers,
    validation,
)
from bregman_exp.config import (
    Run,
)
from bregman_exp.data import (
    ClassificationData,
    PaddedImages,
    PlannedBatches,
    StackedEpochLoader,
)
from bregman_exp.runs import RunFolder
from bregman_exp.training import (
    AtomicCheckpoints,
    Budget,
    Choice,
    EpochCheckpoint,
    EpochLines,
    Epochs,
    Forward,
    Identity,
    Lane,
    NonFiniteLossError,
    SideBySide,
    StackedClassifier,
    TrainingProgress,
)

ROUNDS = 16  # steps of each network that Lightning is handed at a time


def side_by_side(
    runs: Sequence[Run],
    data: ClassificationData,
    folders: Sequence[RunFolder],
    on_failure: Callable[[int, NonFiniteLossError], None],
    choice: Choice,
    forward: Forward,
) -> SideBySide:
    """The Lightning module of the seeds of a ResNet, each with its own network, batches and curves."""
    run, images = runs[0], PaddedImages(data.train, device(runs[0]))
    augment = getattr(run.dataset, "augment", False)

    def lane(row: int, where: torch.device) -> Lane:
        batches = PlannedBatches(images, run.trainer.batch_size, augment=augment, seed=runs[row].seed)
        return Lane(model(runs[row], data).to(where), run.optim, batches, forward, half(run))

    # a tracker has one run in a process
    trackers = [loggers(run, folder) if len(runs) == 1 else [] for folder in folders]
    curves = [EpochLines(folder.curves) for folder in folders]
    return SideBySide(lane, run.optim, [run.seed for run in runs], curves, trackers, on_failure, choice)


def side_by_side_epochs(runs: Sequence[Run], data: ClassificationData) -> Epochs:
    """Of training the sizes of the batches alone, since each network knows its own; validation as ever."""
    sizes = [len(part) for part in data.train.y.split(runs[0].trainer.batch_size)]
    return Epochs(lambda *_: sizes, validation(runs[0], data), chunk=ROUNDS)


def stacked_epochs(runs: Sequence[Run], data: ClassificationData) -> Epochs:
    """The batches of every epoch for all seeds, for each as ``epochs`` gives them."""
    size, seeds = runs[0].trainer.batch_size, [run.seed for run in runs]
    augment = data.is_image and getattr(runs[0].dataset, "augment", False)
    val_size = max(size, VALIDATION_BATCH)
    return Epochs(
        StackedEpochLoader(data.train, size, shuffle=True, augment=augment, seeds=seeds),
        StackedEpochLoader(data.val, val_size, shuffle=False, augment=False, seeds=seeds),
        chunk=1 if data.is_image else CHUNK,
    )


def stacked_classifier(
    runs: Sequence[Run],
    data: ClassificationData,
    folders: Sequence[RunFolder],
    on_failure: Callable[[int, NonFiniteLossError], None],
) -> StackedClassifier:
    """The Lightning module of all seeds, each with its own initial weights and metrics.csv."""
    nets, seeds = [model(run, data) for run in runs], [run.seed for run in runs]
    return StackedClassifier(
        nets, runs[0].optim, seeds, [EpochLines(folder.curves) for folder in folders], on_failure
    )


def stacked_trainer(
    runs: Sequence[Run], stack: RunFolder, identity: Identity, budget: Budget | None = None
) -> pl.Trainer:
    """Lightning's trainer of all seeds: one checkpoint, of the last epoch."""
    run = runs[0]
    callbacks: list[pl.Callback] = [
        TrainingProgress(f"{run.model_name} {run.act.name} {seeds_label(runs)}"),
        EpochCheckpoint(stack.checkpoints, "last"),
    ]
    checkpoints = AtomicCheckpoints(stack.checkpoints, identity)
    return lightning_trainer(run.trainer, stack, checkpoints, [*callbacks, *in_time(budget)], [])
