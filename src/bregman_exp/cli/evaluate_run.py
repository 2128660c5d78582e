"""The figures of a trained run: the last step of both commands."""

from typing import Any

import torch
from torch import nn

from bregman_exp.analysis.evaluation_text import evaluation_text
from bregman_exp.build import Job
from bregman_exp.cli.command import failures_recorded_in, figures_log, logging_to
from bregman_exp.cli.examples import save_examples
from bregman_exp.cli.run_summary import row_name
from bregman_exp.config import SQUARED_ERROR, Run
from bregman_exp.data import Split, as_unit, subset
from bregman_exp.models import learned_range
from bregman_exp.robustness import Evaluation, EvaluationProgress
from bregman_exp.robustness import evaluate as attack_all
from bregman_exp.runs import RunFolder, attacks_that_failed, metrics_record
from bregman_exp.terminal import as_text
from bregman_exp.training.checkpoint import training_facts
from bregman_exp.training.form import EAGER
from bregman_exp.training.objective import squared_error

# Networks are evaluated in their plain form, see robustness/isolation.py.
PLAIN_FORM = {"form": EAGER.name, "precision": "32-true", "fused": False, "folded": False, "tf32": False}
SUBSET_SEED = 0  # attack.samples=N means the same N samples for every run


class AttacksFailedError(ValueError):
    """Some attacks raised errors; the figures of the others are written."""


def is_trained(run: Run, folder: RunFolder) -> bool:
    """Whether the last checkpoint ends the training. Raises CheckpointError where it cannot be read."""
    if not folder.checkpoint("last").exists():
        return False
    facts = training_facts(folder.checkpoint("last"))
    return facts.stopped or facts.epochs >= run.trainer.max_epochs


def has_all_figures(job: Job) -> bool:
    """Whether the folder's own figures are of this suite and these weights, and no attack failed."""
    return _has_figures(job) and not attacks_that_failed(job.folder.read_metrics())


def has_failed_attacks(job: Job) -> bool:
    """Whether the folder's own figures are of this suite and these weights, and an attack failed."""
    return _has_figures(job) and not has_all_figures(job)


def _has_figures(job: Job) -> bool:
    return job.folder.complete and job.folder.read_metrics().get("suite_hash") == job.suite_hash


def evaluate_run(job: Job) -> None:
    """Evaluates a trained run under its evaluations/; a complete evaluation is shown, not repeated."""
    target = _place_of(job)
    with target.locked(), logging_to(target.log):
        if target.complete and not attacks_that_failed(target.read_metrics()):
            target.parts.clear()  # a kill may have come after the figures
            figures_log.info("%s is complete: skipped", target.path)
            return figures_log.info("%s", as_text(evaluation_text(target.read_metrics(), row_name(job))))
        with failures_recorded_in(target):
            target.write_note(job.run_json)
            write_figures(job, target)


def place_of_figures(job: Job) -> RunFolder:
    """The run's folder where its own figures are of this suite and these weights, else an evaluation's."""
    return job.folder if _has_figures(job) else _place_of(job)


def _place_of(job: Job) -> RunFolder:
    """evaluations/<suite>-<hash>/; where an older version gave this suite another name, its folder."""
    own = job.folder.evaluation(f"{job.record['suite']}-{job.suite_hash}")
    older = [place for place in job.folder.evaluations if place.path.name.endswith(f"-{job.suite_hash}")]
    return own if own.path.exists() else next(iter(older), own)


def write_figures(job: Job, target: RunFolder) -> None:
    """Attacks the trained weights with the run's suite and writes the figures into the target folder.

    Raises AttacksFailedError where an attack failed, after the figures of the others are written.
    """
    attack, data = job.run.attack, job.data
    samples = data.test if attack.samples is None else subset(data.test, attack.samples, SUBSET_SEED)
    net = job.trained_network()
    evaluation = _evaluation(job, net, samples, target)
    if attack.save:
        save_examples(job, net, evaluation, samples, target)
    device = job.device
    settings = {**PLAIN_FORM, "batch_size": job.attack_batch_size}
    record = metrics_record(
        identity=job.record,
        dataset=job.dataset_record,
        train=_train_record(job, net),
        evaluation={**_json(job, evaluation, net, samples), "evaluation": settings},
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    )
    target.finish(record, evaluation.arrays(samples.ids, samples.y))
    figures_log.info("%s", as_text(evaluation_text(record, row_name(job))))
    figures_log.info("wrote %s", target.metrics)
    failed = attacks_that_failed(record)
    if failed:
        first = next(entry.error for entry in evaluation.robust if entry.error is not None)
        raise AttacksFailedError(
            f"{len(failed)} of {len(job.specs)} attacks failed ({'; '.join(failed)}); the others' figures "
            f"are in {target.metrics}; the same command tries the failed ones again."
        ) from first


def _evaluation(job: Job, net: nn.Module, samples: Split, target: RunFolder) -> Evaluation:
    """Keeps every finished batch in ``target``, so that the same command goes on after an interruption."""
    source = job.source()
    if len(target.parts):
        figures_log.info("going on with %d finished batches", len(target.parts))
    attacks = ", ".join(["clean", *(spec.id for spec in job.specs)])
    figures_log.info("evaluating %s on %d test samples: %s", job.folder.path, len(samples.y), attacks)
    with EvaluationProgress() as progress:
        return attack_all(
            net.to(job.device),
            samples.x,
            samples.y,
            job.specs,
            ids=samples.ids,
            seed=job.run.seed,
            batch_size=job.attack_batch_size,
            audit=job.run.attack.audit,
            source=None if source is None else source.to(job.device),
            parts=target.parts,
            keep_points=job.run.attack.save,
            on_progress=progress,
        )


def _json(job: Job, evaluation: Evaluation, net: nn.Module, samples: Split) -> dict[str, Any]:
    """The figures; of a regression also ``clean.mse``, the mean squared error of the samples."""
    figures = evaluation.to_json()
    if job.run.training.objective != SQUARED_ERROR:
        return figures
    with torch.no_grad():
        batches = samples.x.split(job.attack_batch_size)
        logits = torch.cat([net(as_unit(x).to(job.device)).cpu() for x in batches])
    return figures | {"clean": figures["clean"] | {"mse": float(squared_error(logits.double(), samples.y))}}


def _train_record(job: Job, net: nn.Module) -> dict[str, Any]:
    facts = training_facts(job.folder.checkpoint("last"), job.identity)
    learned = learned_range(net)
    return {
        "epochs": facts.epochs,
        "steps": facts.steps,
        "seconds": facts.seconds,
        "seeds_together": facts.together,
        "samples_per_second": facts.epochs * _samples_an_epoch(job) / facts.seconds,
        "params": sum(p.numel() for p in net.parameters()),
        "precision": job.run.trainer.precision,
        "compiled": (compiled := facts.form.startswith("compiled")),
        "fused": compiled,  # torch compiles the network's fused form
        "fused_optimizer": job.device.type == "cuda",  # see training/optimizer.py
        "tf32": facts.form.endswith("tf32"),
        "form": facts.form,
        "forms": facts.forms,
        **({"learned": learned} if learned else {}),
    }


def _samples_an_epoch(job: Job) -> int:
    n, size = len(job.data.train.y), job.run.trainer.batch_size
    return min(n, job.run.trainer.limited(-(-n // size)) * size)
