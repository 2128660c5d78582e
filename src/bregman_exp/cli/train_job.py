"""train.py: a config becomes a trained network with its figures."""

import sys
from typing import Any

from omegaconf import DictConfig

from bregman_exp import build
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
from bregman_exp.data import ClassificationData
from bregman_exp.runs import RunFolder
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
        build.attack_specs(runs[0].attack)
        build.check_model(runs[0])
        data = build.dataset(runs[0])
        for remark in data.remarks:
            say_once(remark)
        check_samples(runs[0].attack, data)
        net, source = build.model(runs[0], data), build.transfer_source(runs[0], data)
        build.check_attacks(runs[0], net, source, data)
        build.classifier(runs[0], net)
        build.forms(runs[0])
        all_complete = all(own_suite(run, build.run_folder(run, data)) for run in runs)
        groups = [runs] if runs[0].logger.name == "csv" else [[run] for run in runs]  # a tracker has one run
        ended = [train_stack(group, data, limit) for group in groups]
        failed, left = ([run for lists in ended for run in lists[which]] for which in (0, 1))
    for run in [run for run in runs if run not in failed and run not in left]:
        in_time: list[bool] = []
        if not went_well(lambda run=run, in_time=in_time: in_time.append(train_run(run, data, limit))):
            failed.append(run)
            limit.worked(kind_of(run), None, None)
        elif not in_time[0]:
            left.append(run)
    if failed:
        raise CommandFailedError
    if left:
        return Outcome.LEFT
    return Outcome.SKIPPED if all_complete else Outcome.DONE


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


def train_run(run: Run, data: ClassificationData, limit: TimeLimit) -> bool:
    """Trains and evaluates one run; resumes an interrupted one, skips a complete one.

    Of a complete run with another suite or other weights only these are evaluated, under its evaluations/.
    False where the time does not suffice: it did not begin, or training stopped at an epoch's end. The
    evaluation of what has been trained is not cut short.
    """
    folder = build.run_folder(run, data)
    if folder.complete:
        build.check_stored(folder, data.fingerprint)
    identity = build.training_identity(run, data)
    to_go = 0 if folder.complete else epochs_to_go(run, folder, identity)
    if not own_suite(run, folder) and not limit.allows(kind_of(run), to_go):
        print(f"{limit.left_for_later}: {folder.path}", file=sys.stderr)
        return False
    with folder.locked(), logging_to(folder.log):
        if not folder.complete or wants_attacks_again(run, folder):
            with failures_recorded_in(folder):
                return _completed(run, data, folder, limit)
        if own_suite(run, folder):
            folder.parts.clear()  # left where a process was killed at the very end
            log.info("%s is complete: skipped", folder.path)
            return True
    evaluate_run(run, data, folder)
    return True


def _completed(run: Run, data: ClassificationData, folder: RunFolder, limit: TimeLimit) -> bool:
    """Trains and evaluates; False where training stopped in between, at the limit."""
    begin, last = limit.budget.clock(), folder.checkpoint("last")
    refuse_foreign_state(folder)
    begin_run(run, data, folder)
    set_damaged_checkpoint_aside(folder, build.training_identity(run, data))
    before, pace = epochs_in(last), None
    if not is_trained(run, folder):
        pace = _fit(run, data, folder, limit)
        if not is_trained(run, folder):
            limit.worked(kind_of(run), pace, None)
            log.info("%s", limit.stopped(epochs_in(last), run.trainer.max_epochs))
            return False
    EpochLines(folder.curves).restore(training_facts(last).lines)  # a kill may have come before the file
    write_figures(run, data, folder, folder)
    trained = (epochs_in(last) - before) * (pace or 0.0)
    limit.worked(kind_of(run), pace, limit.budget.clock() - begin - trained)
    return True


def _fit(run: Run, data: ClassificationData, folder: RunFolder, limit: TimeLimit) -> float | None:
    """Trains to the end or to the limit; the seconds an epoch took, as ``fit`` gives them."""
    last = folder.checkpoint("last")
    log.info("%s %s", "resuming" if last.exists() else "training", folder.path)
    net = build.model(run, data)
    begun_in = training_facts(last).form if last.exists() else None
    choice, forward = PLAIN, None
    if build.device(run).type == "cpu" and run.trainer.fast != CAPTURED.name:
        choice, forward = choose_form(run, net, data, begun_in=begun_in)
    elif run.trainer.fast not in (None, EAGER.name):  # train_stack has had its turn
        log.info("trainer.fast=%s is not for a run that was begun plainly: it goes on so", run.trainer.fast)
    if run.trainer.devices > 1 and not run.trainer.sync_batchnorm and isinstance(run.model, Resnet):
        log.info(OWN_STATISTICS, run.trainer.devices)
    classifier = build.classifier(run, net, choice, forward)
    pace = fit(build.trainer(run, data, folder, limit.budget), classifier, build.epochs(run, data), last)
    facts = training_facts(last)
    if facts.stopped:
        log.info("stopped after %d epochs without a better validation accuracy", facts.epochs)
    return pace
