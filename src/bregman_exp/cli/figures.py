"""The figures of a trained run: what both commands end with."""

import torch

from bregman_exp import build
from bregman_exp.cli.command import failures_recorded_in, log, logging_to
from bregman_exp.config import Run, short_hash
from bregman_exp.data import ClassificationData, subset
from bregman_exp.results import RunFolder, metrics_record
from bregman_exp.robustness import EvaluationProgress
from bregman_exp.robustness import evaluate as attack_all
from bregman_exp.training import training_facts

SUBSET_SEED = 0  # attack.samples=N means the same N samples for every run


def is_trained(run: Run, folder: RunFolder) -> bool:
    """Whether the last checkpoint ends the training; CheckpointError where it cannot be read."""
    if not folder.checkpoint("last").exists():
        return False
    facts = training_facts(folder.checkpoint("last"))
    return facts.stopped or facts.epochs >= run.trainer.max_epochs


def own_suite(run: Run, folder: RunFolder) -> bool:
    """Whether the folder's own figures are of this suite and these weights."""
    return folder.complete and build.suite_record(run) == build.suite_record(build.stored_run(folder))


def evaluate_run(run: Run, data: ClassificationData, folder: RunFolder) -> None:
    """Evaluates a trained run; a complete evaluation is skipped."""
    target = folder.evaluation(f"{run.attack.name}-{short_hash(build.suite_record(run))}")
    with target.locked(), logging_to(target.log):
        if target.complete:
            log.info("%s is complete: skipped", target.path)
            return
        with failures_recorded_in(target):
            write_figures(run, data, folder, target)


def write_figures(run: Run, data: ClassificationData, trained: RunFolder, target: RunFolder) -> None:
    """Attacks the trained weights with the run's suite and writes the figures into the target folder."""
    attack, facts = run.attack, training_facts(trained.checkpoint("last"))
    net = build.trained_model(run, data, trained)
    device = torch.device("cuda" if run.trainer.accelerator == "gpu" else "cpu")
    samples = data.test if attack.samples is None else subset(data.test, attack.samples, SUBSET_SEED)
    specs = build.attack_specs(attack)
    log.info(
        "evaluating %s on %d test samples: %s",
        trained.path,
        len(samples.y),
        ", ".join(["clean", *(s.id for s in specs)]),
    )
    with EvaluationProgress() as progress:
        evaluation = attack_all(
            net.to(device),
            samples.x,
            samples.y,
            specs,
            ids=samples.ids,
            seed=run.seed,
            batch_size=attack.batch_size,
            on_progress=progress,
        )
    train_part = {
        "epochs": facts.epochs,
        "steps": facts.steps,
        "seconds": facts.seconds,
        "samples_per_second": facts.epochs * len(data.train.y) / facts.seconds,
        "params": sum(p.numel() for p in net.parameters()),
    }
    record = metrics_record(
        identity=build.identity(run, data),
        dataset=build.dataset_record(data),
        train=train_part,
        evaluation=evaluation.to_json(),
        device=_device_name(device),
    )
    target.finish(record, evaluation.arrays(samples.ids, samples.y))
    log.info("clean %.4f", evaluation.clean.accuracy)
    for entry in evaluation.robust:
        figure = "not reported" if entry.result is None else f"{entry.result.accuracy:.4f}"
        log.info("%s %s (%s)", entry.id, figure, entry.verdict)
    log.info("wrote %s", target.metrics)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
