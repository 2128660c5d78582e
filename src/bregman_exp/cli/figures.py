"""The figures of a trained run: what both commands end with."""

from typing import Any

import torch
from torch import nn

from bregman_exp import build
from bregman_exp.analysis.evaluation_page import evaluation_page
from bregman_exp.cli.command import failures_recorded_in, log, logging_to
from bregman_exp.cli.examples import save_examples
from bregman_exp.config import Run
from bregman_exp.data import ClassificationData, subset
from bregman_exp.robustness import EvaluationProgress
from bregman_exp.robustness import evaluate as attack_all
from bregman_exp.runs import RunFolder, attacks_that_failed, metrics_record
from bregman_exp.terminal import as_text
from bregman_exp.training import EAGER, training_facts

# How networks are evaluated: the model as it is, see robustness/isolation.py.
PLAINLY = {"form": EAGER.name, "precision": "32-true", "fused": False, "folded": False, "tf32": False}
SUBSET_SEED = 0  # attack.samples=N means the same N samples for every run


class AttacksFailedError(ValueError):
    """Some attacks raised errors; the figures of the others are written."""


def is_trained(run: Run, folder: RunFolder) -> bool:
    """Whether the last checkpoint ends the training; CheckpointError where it cannot be read."""
    if not folder.checkpoint("last").exists():
        return False
    facts = training_facts(folder.checkpoint("last"))
    return facts.stopped or facts.epochs >= run.trainer.max_epochs


def own_suite(run: Run, folder: RunFolder) -> bool:
    """Whether the folder's own figures are of this suite and these weights, and every attack has ended."""
    return _has_suite(run, folder) and not attacks_that_failed(folder.read_metrics())


def wants_attacks_again(run: Run, folder: RunFolder) -> bool:
    """Whether the folder's own figures are of this suite and these weights, and an attack of it failed."""
    return _has_suite(run, folder) and not own_suite(run, folder)


def _has_suite(run: Run, folder: RunFolder) -> bool:
    return folder.complete and folder.read_metrics().get("suite_hash") == build.suite_hash(run)


def evaluate_run(run: Run, data: ClassificationData, folder: RunFolder) -> None:
    """Evaluates a trained run; a complete evaluation is shown, not repeated."""
    target = folder.evaluation(f"{run.attack.name}-{build.suite_hash(run)}")
    with target.locked(), logging_to(target.log):
        if target.complete and not attacks_that_failed(target.read_metrics()):
            target.parts.clear()  # left where a process was killed at the very end
            log.info("%s is complete: skipped", target.path)
            return log.info("%s", as_text(evaluation_page(target.read_metrics())))
        with failures_recorded_in(target):
            write_figures(run, data, folder, target)


def write_figures(run: Run, data: ClassificationData, trained: RunFolder, target: RunFolder) -> None:
    """Attacks the trained weights with the run's suite and writes the figures into the target folder.

    Every finished batch is kept there until the end, so that the same command goes on after an interruption.
    Where an attack raises an error the others' figures are written all the same; then AttacksFailedError is
    raised.
    """
    attack = run.attack
    net = build.trained_model(run, data, trained)
    source = build.transfer_source(run, data)
    device = build.device(run)
    samples = data.test if attack.samples is None else subset(data.test, attack.samples, SUBSET_SEED)
    specs = build.attack_specs(attack)
    if len(target.parts):
        log.info("going on with %d finished batches", len(target.parts))
    log.info(
        "evaluating %s on %d test samples: %s",
        trained.path,
        len(samples.y),
        ", ".join(["clean", *(spec.id for spec in specs)]),
    )
    batch_size = build.attack_batch_size(run, data)
    with EvaluationProgress() as progress:
        evaluation = attack_all(
            net.to(device),
            samples.x,
            samples.y,
            specs,
            ids=samples.ids,
            seed=run.seed,
            batch_size=batch_size,
            audit=attack.audit,
            source=None if source is None else source.to(device),
            parts=target.parts,
            keep_points=attack.save,
            on_progress=progress,
        )
    if attack.save:
        save_examples(evaluation, samples, data.classes, target)
    record = metrics_record(
        identity=build.identity(run, data),
        dataset=build.dataset_record(data),
        train=_train_record(run, trained, data, net),
        evaluation={**evaluation.to_json(), "evaluation": {**PLAINLY, "batch_size": batch_size}},
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    )
    target.finish(record, evaluation.arrays(samples.ids, samples.y))
    log.info("%s", as_text(evaluation_page(record)))
    log.info("wrote %s", target.metrics)
    failed = attacks_that_failed(record)
    if failed:
        first = next(entry.error for entry in evaluation.robust if entry.error is not None)
        raise AttacksFailedError(
            f"{len(failed)} of {len(specs)} attacks failed ({'; '.join(failed)}); the others' figures are in "
            f"{target.metrics}; the same command tries what failed again."
        ) from first


def _train_record(run: Run, trained: RunFolder, data: ClassificationData, net: nn.Module) -> dict[str, Any]:
    facts = training_facts(trained.checkpoint("last"), build.training_identity(run, data))
    return {
        "epochs": facts.epochs,
        "steps": facts.steps,
        "seconds": facts.seconds,
        "seeds_together": facts.together,
        "samples_per_second": facts.epochs * len(data.train.y) / facts.seconds,
        "params": sum(p.numel() for p in net.parameters()),
        "precision": run.trainer.precision,
        "compiled": (compiled := facts.form.startswith("compiled")),
        "fused": compiled,  # what is compiled is the network's fused form
        "fused_optimizer": build.device(run).type == "cuda",  # see training/optimizer.py
        "tf32": facts.form.endswith("tf32"),
        "form": facts.form,
        "forms": facts.forms,
    }
