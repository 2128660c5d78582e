"""train.py: a config becomes a trained network with its figures."""

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
    told_in_one_sentence,
    went_well,
)
from bregman_exp.cli.figures import evaluate_run, is_trained, own_suite, write_figures
from bregman_exp.cli.fit import fit, set_damaged_checkpoint_aside
from bregman_exp.cli.forms import choose_form
from bregman_exp.cli.sweep import Outcome
from bregman_exp.cli.train_stack import train_stack
from bregman_exp.config import ConfigError, Run, check
from bregman_exp.data import ClassificationData
from bregman_exp.results import RunFolder
from bregman_exp.training import PLAIN, training_facts


def train_job(cfg: DictConfig) -> Outcome:
    """Checks everything, then trains and evaluates each seed; one that fails does not stop the others."""
    with told_in_one_sentence():
        plain = plain_container(cfg)
        seeds = seeds_of(plain.pop("seed", None), plain.pop("seeds", None))
        runs = [check(plain | {"seed": seed}) for seed in seeds]
        check_device(runs[0].trainer.accelerator, runs[0].trainer.devices)
        build.attack_specs(runs[0].attack)
        build.check_model(runs[0])
        data = build.dataset(runs[0])
        check_samples(runs[0].attack, data)
        net, source = build.model(runs[0], data), build.transfer_source(runs[0], data)
        build.check_attacks(runs[0], net, source, data)
        build.classifier(runs[0], net)
        build.forms(runs[0])
        there = all(own_suite(run, build.run_folder(run, data)) for run in runs)
        failed = train_stack(runs, data)
    others = [run for run in runs if run not in failed]
    failed += [run for run in others if not went_well(lambda run=run: train_run(run, data))]
    if failed:
        raise CommandFailedError
    return Outcome.SKIPPED if there else Outcome.DONE


def seeds_of(seed: Any, seeds: Any) -> list[Any]:
    """``seeds=0..3`` is 0, 1, 2, 3; ``seed=k`` is k; neither is 0; both is an error."""
    if seeds is None:
        return [0 if seed is None else seed]
    if seed is not None:
        raise ConfigError(f"seed={seed} and seeds={seeds}: give one of the two.")
    first, dots, last = str(seeds).partition("..")
    if not (dots and first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise ConfigError(f"seeds={seeds}: give a range such as 0..63 (both ends included).")
    return list(range(int(first), int(last) + 1))


def train_run(run: Run, data: ClassificationData) -> None:
    """Trains and evaluates one run; resumes an interrupted one, skips a complete one.

    Of a complete run with another suite or other weights only these are evaluated, under its evaluations/.
    """
    folder = build.run_folder(run, data)
    with folder.locked(), logging_to(folder.log):
        if not folder.complete:
            with failures_recorded_in(folder):
                folder.begin(run.to_yaml())
                set_damaged_checkpoint_aside(folder)
                if not is_trained(run, folder):
                    _fit(run, data, folder)
                return write_figures(run, data, folder, folder)
        if own_suite(run, folder):
            return log.info("%s is complete: skipped", folder.path)
    evaluate_run(run, data, folder)


def _fit(run: Run, data: ClassificationData, folder: RunFolder) -> None:
    last = folder.checkpoint("last")
    log.info("%s %s", "resuming" if last.exists() else "training", folder.path)
    net = build.model(run, data)
    # on a GPU a form other than the plain one trains in train_stack, which has had its turn
    on_cpu, begun_in = build.device(run).type == "cpu", training_facts(last).form if last.exists() else None
    choice, forward = choose_form(run, net, data, begun_in=begun_in) if on_cpu else (PLAIN, None)
    classifier = build.classifier(run, net, choice, forward)
    fit(build.trainer(run, folder), classifier, build.epochs(run, data), last)
    facts = training_facts(last)
    if facts.stopped:
        log.info("stopped after %d epochs without a better validation accuracy", facts.epochs)
