"""train.py: a config becomes a trained network with its figures."""

import sys
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from bregman_exp import build
from bregman_exp.build import Job
from bregman_exp.cli.checks import check_device, check_samples
from bregman_exp.cli.command import (
    CommandFailedError,
    failures_recorded_in,
    log,
    logging_to,
    plain_container,
    say_once,
    told_in_one_sentence,
    went_well,
)
from bregman_exp.cli.figures import evaluate_run, is_trained, own_suite, wants_attacks_again, write_figures
from bregman_exp.cli.fit import (
    begin_run,
    epochs_in,
    epochs_to_go,
    fit,
    refuse_foreign_state,
    set_damaged_checkpoint_aside,
)
from bregman_exp.cli.forms import choose_form
from bregman_exp.cli.sweep import Outcome, time_limit
from bregman_exp.cli.time_limit import TimeLimit, kind_of
from bregman_exp.cli.train_stack import train_stack
from bregman_exp.config import ConfigError, Resnet, Run, check
from bregman_exp.training import CAPTURED, EAGER, PLAIN, EpochLines, training_facts

OWN_STATISTICS = (
    "each of the %d processes normalises by the statistics of its own part of a batch, unlike one device; "
    "trainer.sync_batchnorm=true, on GPUs, takes those of the whole batch"
)
MOST_SEEDS = 10_000  # in one command


def train_job(cfg: DictConfig) -> Outcome:
    """Checks everything, then trains and evaluates each seed; one that fails does not stop the others."""
    with told_in_one_sentence():
        plain = plain_container(cfg)
        seeds = seeds_of(plain.pop("seed", None), plain.pop("seeds", None))
        runs = [check(plain | {"seed": seed}) for seed in seeds]
        limit = time_limit(runs[0].trainer.max_time)
        if limit.is_over:
            print(limit.left_for_later, file=sys.stderr)
            return Outcome.LEFT
        check_device(runs[0].trainer.accelerator, runs[0].trainer.devices)
        jobs = _jobs(runs)
        all_complete = all(map(own_suite, jobs))
        groups = [jobs] if runs[0].logger.name == "csv" else [[job] for job in jobs]  # a tracker has one run
        ended = [train_stack(group, limit) for group in groups]
        failed, left = ([job for lists in ended for job in lists[which]] for which in (0, 1))
    for job in [job for job in jobs if job not in failed and job not in left]:
        in_time: list[bool] = []
        if not went_well(lambda job=job, in_time=in_time: in_time.append(train_run(job, limit))):
            failed.append(job)
            limit.worked(kind_of(job.run), None, None)
        elif not in_time[0]:
            left.append(job)
    if failed:
        raise CommandFailedError
    if left:
        return Outcome.LEFT
    return Outcome.SKIPPED if all_complete else Outcome.DONE


def _jobs(runs: Sequence[Run]) -> list[Job]:
    """A job for each seed; raises ValueErrors for all that can be known to be wrong before the training."""
    first = build.job(runs[0])
    for remark in first.data.remarks:
        say_once(remark)
    check_samples(first.run.attack, first.data)
    first.check_attacks()
    build.classifier(first.run, first.network)
    build.forms(first.run)
    return [first, *map(first.with_seed, runs[1:])]


def seeds_of(seed: Any, seeds: Any) -> list[Any]:
    """``seeds=0..3`` is 0, 1, 2, 3; ``seed=k`` is k; neither is 0; both is an error."""
    if seeds is None:
        return [0 if seed is None else seed]
    if seed is not None:
        raise ConfigError(f"seed={seed} and seeds={seeds}: give one of the two.")
    first, dots, last = str(seeds).partition("..")
    if not (dots and first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise ConfigError(f"seeds={seeds}: give a range such as 0..63 (both ends included).")
    n = int(last) - int(first) + 1
    if n > MOST_SEEDS:
        raise ConfigError(f"seeds={seeds} are {n:,} seeds; a command takes at most {MOST_SEEDS:,}.")
    return list(range(int(first), int(last) + 1))


def train_run(job: Job, limit: TimeLimit) -> bool:
    """Trains and evaluates one run; resumes an interrupted one, skips a complete one.

    Of a complete run with another suite or other weights only these are evaluated, under its evaluations/.
    False where the time does not suffice: it did not begin, or training stopped at an epoch's end. The
    evaluation of what has been trained is not cut short.
    """
    folder = job.folder
    if folder.complete:
        build.check_stored(folder, job.data.fingerprint)
    to_go = 0 if folder.complete else epochs_to_go(job.run, folder, job.identity)
    if not own_suite(job) and not limit.allows(kind_of(job.run), to_go):
        print(f"{limit.left_for_later}: {folder.path}", file=sys.stderr)
        return False
    with folder.locked(), logging_to(folder.log):
        if not folder.complete or wants_attacks_again(job):
            with failures_recorded_in(folder):
                return _completed(job, limit)
        if own_suite(job):
            folder.parts.clear()  # left where a process was killed at the very end
            log.info("%s is complete: skipped", folder.path)
            return True
    evaluate_run(job)
    return True


def _completed(job: Job, limit: TimeLimit) -> bool:
    """Trains and evaluates; False where training stopped in between, at the limit."""
    run, folder = job.run, job.folder
    begin, last = limit.budget.clock(), folder.checkpoint("last")
    refuse_foreign_state(folder)
    begin_run(job)
    set_damaged_checkpoint_aside(folder, job.identity)
    before, pace = epochs_in(last), None
    if not is_trained(run, folder):
        pace = _fit(job, limit)
        if not is_trained(run, folder):
            limit.worked(kind_of(run), pace, None)
            log.info("%s", limit.stopped(epochs_in(last), run.trainer.max_epochs))
            return False
    EpochLines(folder.curves).restore(training_facts(last).lines)  # a kill may have come before the file
    write_figures(job, folder)
    trained = (epochs_in(last) - before) * (pace or 0.0)
    limit.worked(kind_of(run), pace, limit.budget.clock() - begin - trained)
    return True


def _fit(job: Job, limit: TimeLimit) -> float | None:
    """Trains to the end or to the limit; the seconds an epoch took, as ``fit`` gives them."""
    run, last = job.run, job.folder.checkpoint("last")
    log.info("%s %s", "resuming" if last.exists() else "training", job.folder.path)
    begun_in = training_facts(last).form if last.exists() else None
    choice, forward = PLAIN, None
    if job.device.type == "cpu" and run.trainer.fast != CAPTURED.name:
        choice, forward = choose_form(job, begun_in=begun_in)
    elif run.trainer.fast not in (None, EAGER.name):  # train_stack has had its turn
        log.info("trainer.fast=%s is not for a run that was begun plainly: it goes on so", run.trainer.fast)
    if run.trainer.devices > 1 and not run.trainer.sync_batchnorm and isinstance(run.model, Resnet):
        log.info(OWN_STATISTICS, run.trainer.devices)
    classifier = build.classifier(run, job.network, choice, forward)
    pace = fit(build.trainer(job, limit.budget), classifier, build.epochs(job), last)
    facts = training_facts(last)
    if facts.stopped:
        log.info("stopped after %d epochs without a better validation accuracy", facts.epochs)
    return pace
