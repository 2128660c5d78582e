"""What trains a run alone: batches, module, trainer."""

from collections.abc import Sequence

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.utilities.rank_zero import rank_zero_only
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import Logger
from pytorch_lightning.profilers import SimpleProfiler
from torch import nn

from bregman_exp import plugins
from bregman_exp.build.job import Job
from bregman_exp.build.known_data import augmentation
from bregman_exp.build.robust_training import loss, objective
from bregman_exp.config import Run, Trainer
from bregman_exp.data import EpochLoader
from bregman_exp.runs import RunFolder
from bregman_exp.training.budget import Budget
from bregman_exp.training.callbacks import KeepLines, StopInTime
from bregman_exp.training.checkpoint_writing import AtomicCheckpoints, EpochCheckpoint
from bregman_exp.training.classifier import Classifier
from bregman_exp.training.epoch_lines import ROBUST_ACCURACY, EpochLines
from bregman_exp.training.epochs import Epochs
from bregman_exp.training.form import PLAIN, Choice
from bregman_exp.training.forward import Forward, OwnForward
from bregman_exp.training.gradient_norms import GradientNorms
from bregman_exp.training.lightning import EndWithParent, without_advice
from bregman_exp.training.progress import TrainingProgress
from bregman_exp.training.torch_profile import TorchProfile

VALIDATION_BATCH = 500  # at least: its size changes no figure
CHUNK = 8  # training batches of points that Lightning is handed at a time: it takes as long as their step


def epochs(job: Job) -> Epochs:
    """The batches of every epoch."""
    run, data = job.run, job.data
    augment, size, seed = augmentation(run, data), run.trainer.batch_size, run.seed
    alone = run.trainer.devices == 1  # processes meet at every step
    return Epochs(
        EpochLoader(data.train, size, shuffle=True, augment=augment, seed=seed),
        validation(job),
        chunk=CHUNK if alone and not data.is_image else 1,
        limited=run.trainer.limited,
        accumulate=run.trainer.accumulate_grad_batches,
        most_val=1 if run.trainer.fast_dev_run else None,
    )


def validation(job: Job) -> EpochLoader:
    size = max(job.run.trainer.batch_size, VALIDATION_BATCH)
    return EpochLoader(job.data.val, size, shuffle=False, augment=None, seed=job.run.seed)


def classifier(
    run: Run, net: nn.Module, choice: Choice = PLAIN, forward: Forward | None = None
) -> Classifier:
    """The Lightning module of a network alone; ``forward`` as the form's, which is not a captured one."""
    logits = forward.logits if isinstance(forward, OwnForward) else None
    settings = run.trainer
    return Classifier(
        net,
        run.optim,
        logits,
        choice,
        clip=settings.gradient_clip_val,
        ema=settings.ema,
        objective=objective(run),
        loss=loss(run),
    )


def trainer(job: Job, budget: Budget | None = None, loggers: Sequence[Logger] = ()) -> pl.Trainer:
    """Lightning's trainer with this run's callbacks; it ends in time where there is a budget."""
    run, folder, settings = job.run, job.folder, job.run.trainer
    robust = run.training.is_robust
    best = ROBUST_ACCURACY if robust else "val/accuracy"
    callbacks: list[pl.Callback] = [
        TrainingProgress(f"{run.model_name} {run.act.name} seed {run.seed}"),
        KeepLines(EpochLines(folder.curves, robust)),  # before "best" and "last", which hold the line
        EpochCheckpoint(folder.checkpoints, "best", monitor=best, mode="max"),
        EpochCheckpoint(folder.checkpoints, "last"),  # after "best", whose state it holds
    ]
    if settings.devices > 1:
        callbacks.append(EndWithParent())
    callbacks += [GradientNorms(folder.path)] if run.logger.gradients else []
    callbacks += [TorchProfile(folder.path)] if settings.profiler == "pytorch" else []
    callbacks += plugins.callbacks(settings.callbacks)
    if settings.patience is not None:
        callbacks.append(
            EarlyStopping(best, mode="max", patience=settings.patience, check_on_train_epoch_end=True)
        )
    checkpoints = AtomicCheckpoints(folder.checkpoints, job.identity, job.run.without_paths().to_yaml())
    callbacks += in_time(budget)
    return lightning_trainer(
        settings, folder, checkpoints, callbacks, loggers, gradients_in_validation=robust
    )


def lightning_trainer(
    settings: Trainer,
    folder: RunFolder,
    checkpoints: AtomicCheckpoints,
    callbacks: list[pl.Callback],
    loggers: Sequence[Logger] = (),
    *,
    gradients_in_validation: bool = False,
) -> pl.Trainer:
    """Lightning's trainer as all trainings use it.

    It writes nothing outside the folder, and takes nothing from where it is started: under SLURM Lightning
    would count the job's tasks as its own, requeue the job, and begin with what that left.
    """
    simple = SimpleProfiler(folder.path, "profile") if settings.profiler == "simple" else None
    # Lightning has taken SLURM's number of the process, with which it writes nothing
    rank_zero_only.rank = 0  # pyright: ignore[reportFunctionMemberAccess] (a function with an attribute)
    with without_advice():
        return pl.Trainer(
            default_root_dir=folder.path,
            accelerator=settings.accelerator,
            devices=settings.devices,
            strategy=settings.strategy,
            precision=settings.precision,  # pyright: ignore[reportArgumentType]
            sync_batchnorm=settings.sync_batchnorm,
            max_epochs=settings.max_epochs,
            callbacks=callbacks,
            plugins=[checkpoints, LightningEnvironment()],
            logger=list(loggers),
            profiler=simple,
            inference_mode=not gradients_in_validation,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,  # the loader gives every rank its share itself
            log_every_n_steps=1_000_000,  # figures are logged once an epoch
        )


def in_time(budget: Budget | None) -> list[pl.Callback]:
    return [] if budget is None else [StopInTime(budget)]
