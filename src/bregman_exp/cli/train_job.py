"""train.py: a config becomes a trained network with its figures."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from tempfile import TemporaryDirectory

from omegaconf import DictConfig

from bregman_exp import build
from bregman_exp.build import Job, training
from bregman_exp.build.trackers import Tracker, check_trackers
from bregman_exp.cli.command import (
    CommandFailedError,
    errors_in_one_sentence,
    failures_recorded_in,
    figures_log,
    log,
    logging_to,
    plain_container,
    print_once,
    succeeded,
)
from bregman_exp.cli.evaluate_run import (
    evaluate_run,
    has_all_figures,
    has_failed_attacks,
    is_trained,
    write_figures,
)
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
from bregman_exp.cli.seeds import seeds_of
from bregman_exp.cli.sweep import Outcome, SweepProgress, time_limit
from bregman_exp.cli.sweep_lines import print_run
from bregman_exp.cli.time_limit import TimeLimit, kind_of
from bregman_exp.cli.trackers import tracking
from bregman_exp.cli.train_stack import train_stack
from bregman_exp.cli.user_code import typed_overrides
from bregman_exp.config import Logger, Resnet, Run, check
from bregman_exp.training.checkpoint import training_facts
from bregman_exp.training.checkpoint_writing import AtomicCheckpoints
from bregman_exp.training.ema import EMA, ema_checkpoint
from bregman_exp.training.epoch_lines import EpochLines
from bregman_exp.training.form import CAPTURED, EAGER, PLAIN

FAST_SAMPLES = 10  # test samples that trainer.fast_dev_run attacks
BATCHNORM_BY_PROCESS = (
    "each of the %d processes normalises by the statistics of its own part of a batch, unlike one device; "
    "trainer.sync_batchnorm=true, on GPUs, takes those of the whole batch"
)


def train_job(cfg: DictConfig) -> Outcome:
    """Checks everything, then trains and evaluates each seed; one that fails does not stop the others."""
    with errors_in_one_sentence():
        plain = plain_container(cfg)
        seeds = seeds_of(plain.pop("seed", None), plain.pop("seeds", None))
        runs = [check(plain | {"seed": seed}) for seed in seeds]
    if not runs[0].trainer.fast_dev_run:
        return _train_all(runs)
    with TemporaryDirectory() as folder:
        outcome = _train_all([_short(run, folder) for run in runs])
    print("trainer.fast_dev_run=true: all steps work; nothing of this run is kept", file=sys.stderr)
    return outcome


def _short(run: Run, folder: str) -> Run:
    """One batch of training and of validation in the plain form, without trackers, in this folder."""
    trainer = replace(run.trainer, max_epochs=1, limit_train_batches=1, fast=None)
    return replace(run, trainer=trainer, logger=Logger(), output_dir=folder)


def _train_all(runs: Sequence[Run]) -> Outcome:
    with errors_in_one_sentence():
        limit = time_limit(runs[0].trainer.max_time)
        if limit.is_over:
            print(limit.postponed_message, file=sys.stderr)
            return Outcome.POSTPONED
        build.check_device(runs[0].trainer.accelerator, runs[0].trainer.devices)
        jobs = _checked_jobs(runs)
        if SweepProgress.current is not None and not runs[0].trainer.fast_dev_run:
            SweepProgress.current.seeds = len(jobs)
        # a tracker has one run in a process
        groups = [[job] for job in jobs] if runs[0].logger.trackers else [jobs]
        results = [train_stack(group, limit) for group in groups]
        failed, postponed = ([job for result in results for job in result[which]] for which in (0, 1))
    ended = {job: Outcome.FAILED for job in failed} | {job: Outcome.POSTPONED for job in postponed}
    outcomes: list[Outcome] = []
    for job in jobs:
        outcomes.append(ended[job] if job in ended else _outcome(job, limit))
        print_run(job, outcomes[-1])
    if Outcome.FAILED in outcomes:
        raise CommandFailedError
    if Outcome.POSTPONED in outcomes:
        return Outcome.POSTPONED
    return Outcome.DONE if Outcome.DONE in outcomes else Outcome.SKIPPED


def _outcome(job: Job, limit: TimeLimit) -> Outcome:
    """How the run ended; an error has been printed."""
    ended: list[Outcome] = []
    if not succeeded(lambda: ended.append(train_run(job, limit))):
        limit.add_run(kind_of(job.run), None, None)
        return Outcome.FAILED
    return ended[0]


def _checked_jobs(runs: Sequence[Run]) -> list[Job]:
    """A job for each seed. Raises ValueErrors for all mistakes that can be seen before the training."""
    check_trackers(runs[0])
    first = build.job(runs[0], overrides=typed_overrides())
    if runs[0].trainer.fast_dev_run:
        for run in runs:
            few = min(FAST_SAMPLES, len(first.data.test.y))
            run.attack = replace(run.attack, samples=few)
    for remark in first.data.remarks:
        print_once(remark)
    net = first.new_network()
    first.check_attacks(net)
    training.classifier(first.run, net)
    build.forms(first.run)
    return [first, *map(first.with_seed, runs[1:])]


def train_run(job: Job, limit: TimeLimit) -> Outcome:
    """Trains and evaluates one run; resumes an interrupted one, skips a complete one.

    A complete run with another suite or other weights is only evaluated, under its evaluations/. POSTPONED:
    the time limit kept it from beginning, or stopped training at the end of an epoch. An evaluation is not
    cut short.
    """
    folder = job.folder
    if folder.complete:
        build.check_stored(folder, job.data.fingerprint)
    remaining = 0 if folder.complete else remaining_epochs(job.run, folder, job.identity)
    if not has_all_figures(job) and not limit.allows(kind_of(job.run), remaining):
        print(f"{limit.postponed_message}: {folder.path}", file=sys.stderr)
        return Outcome.POSTPONED
    with folder.locked(), logging_to(folder.log):
        if not folder.complete or has_failed_attacks(job):
            with failures_recorded_in(folder):
                refuse_foreign_state(folder)
                begin_run(job)
                with tracking(job) as trackers:
                    completed = _train_and_evaluate(job, limit, trackers)
                    return Outcome.DONE if completed else Outcome.POSTPONED
        if has_all_figures(job):
            folder.parts.clear()  # a kill may have come after the figures
            figures_log.info("%s is complete: skipped", folder.path)
            return Outcome.SKIPPED
    evaluate_run(job)
    return Outcome.DONE


def _train_and_evaluate(job: Job, limit: TimeLimit, trackers: Sequence[Tracker]) -> bool:
    """Returns False where the time limit stopped training, before the evaluation."""
    run, folder = job.run, job.folder
    begin, last = limit.budget.clock(), folder.checkpoint("last")
    set_damaged_checkpoint_aside(folder, job.identity)
    epochs_before, epoch_seconds = epochs_in(last), None
    if not is_trained(run, folder):
        epoch_seconds = _train(job, limit, trackers)
        if not is_trained(run, folder):
            limit.add_run(kind_of(run), epoch_seconds, None)
            log.warning("%s", limit.stopped_message(epochs_in(last), run.trainer.max_epochs))
            return False
    EpochLines(folder.curves).restore(training_facts(last).lines)  # a kill may have come before the file
    if run.trainer.ema is not None:
        _write_ema(job)
    write_figures(job, folder)
    training_seconds = (epochs_in(last) - epochs_before) * (epoch_seconds or 0.0)
    limit.add_run(kind_of(run), epoch_seconds, limit.budget.clock() - begin - training_seconds)
    return True


def _train(job: Job, limit: TimeLimit, trackers: Sequence[Tracker]) -> float | None:
    """Trains to the end or to the limit; returns the seconds of an epoch, as ``fit``."""
    run, last = job.run, job.folder.checkpoint("last")
    log.info("%s %s", "resuming" if last.exists() else "training", job.folder.path)
    checkpoint_form = training_facts(last).form if last.exists() else None
    net, choice, forward = job.new_network(), PLAIN, None
    log_summary([job], net)
    if job.device.type == "cpu" and run.trainer.fast != CAPTURED.name:
        choice, forward = choose_form(job, net, checkpoint_form=checkpoint_form)
    elif run.trainer.fast not in (None, EAGER.name):  # train_stack would have taken a new run
        log.warning("trainer.fast=%s is for new runs: this one goes on in the plain form", run.trainer.fast)
    if run.trainer.devices > 1 and not run.trainer.sync_batchnorm and isinstance(run.model, Resnet):
        log.warning(BATCHNORM_BY_PROCESS, run.trainer.devices)
    classifier = training.classifier(run, net, choice, forward)
    trainer = training.trainer(job, limit.budget, trackers)
    epoch_seconds = fit(trainer, classifier, training.epochs(job), last)
    facts = training_facts(last)
    if facts.stopped:
        log.info("stopped after %d epochs without a better validation accuracy", facts.epochs)
    return epoch_seconds


def _write_ema(job: Job) -> None:
    """Writes the average of the weights, which last.ckpt has, as a checkpoint of its own: ema.ckpt."""
    content = ema_checkpoint(job.folder.checkpoint("last"), job.identity)
    checkpoints = AtomicCheckpoints(job.folder.checkpoints, job.identity, job.run.to_yaml())
    checkpoints.save_checkpoint(content, job.folder.checkpoint(EMA))
