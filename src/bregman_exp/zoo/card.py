"""The model card of a published network, in Markdown."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any

from bregman_exp.analysis.formats import counted, interval, percent
from bregman_exp.analysis.names import short_code, training_name
from bregman_exp.build.loading import TrainedRun
from bregman_exp.config import TRADES, Trainer, Training
from bregman_exp.runs import RunFolder
from bregman_exp.runs.record import Version, clean_entry
from bregman_exp.terminal import command

SAMPLE = "sample.json"
REMARK = "remark"  # a key of run.json
SPLITS = {"train": "training", "val": "validation", "test": "test"}
OF_TRAINING = ("patience", "limit_train_batches", "gradient_clip_val", "accumulate_grad_batches", "ema")


def card_text(folder: RunFolder, run: TrainedRun, checksums: Mapping[str, str]) -> str:
    """Data, recipe, command, commit, accuracies with intervals and verdicts, SHA-256 of the weights."""
    note, weights = folder.read_note(), folder.checkpoint(run.config.weights)
    facts = {
        **_facts(run),
        "command": f"`{shlex.join([*command('train'), *note.get('overrides', [])])}`",
        "evaluated with": _environment(run.figures["environment"]),
        "weights": f"{run.config.weights}, SHA-256 {checksums[weights.relative_to(folder.path).as_posix()]}",
    }
    remark = [f"\n{note[REMARK]}"] if REMARK in note else []
    lines = [f"# {folder.path.name}", "", *(f"- {name}: {value}" for name, value in facts.items()), *remark]
    return "\n".join([*lines, "", *_accuracies(run.figures)])


def _facts(run: TrainedRun) -> dict[str, str]:
    config, data, train = run.config, run.figures["dataset"], run.figures["train"]
    sizes = ", ".join(f"{data[f'n_{split}']:,} {name}" for split, name in SPLITS.items())
    parameters = sum(parameter.numel() for parameter in run.net.parameters())
    value = getattr(config.model, "clamp", None) if config.model.version == Version.BREGMAN else None
    clamp = "" if value is None else f", clamp {value}"
    recipe = [
        *(_objective(config.training), f"{train['epochs']} epochs, batch {config.trainer.batch_size}"),
        *(config.optim.label, f"precision {config.trainer.precision}", f"seed {config.seed}"),
        *_unusual(config.trainer),
    ]
    return {
        "network": f"{config.model_name} ({run.figures['act']}){clamp}, {parameters:,} parameters",
        "data": f"{data['label']}: {sizes} samples; fingerprint {data['fingerprint'][:12]}",
        "recipe": ", ".join(recipe),
    }


def _objective(training: Training) -> str:
    """What was minimised, e.g. "cross-entropy", "pgd_at linf 8/255 (10 steps of 0.25 ε)"."""
    flat = {f"training.{name}": value for name, value in asdict(training).items()}
    name = training_name(flat) or "cross-entropy"
    if not training.is_robust:
        return name.replace("_", " ")
    beta = f", beta {training.beta:g}" if training.objective == TRADES else ""
    return f"{name} ({counted(training.steps, 'step')} of {training.rel_step:g} ε{beta})"


def _unusual(trainer: Trainer) -> list[str]:
    """The settings of ``OF_TRAINING`` that differ from their defaults, e.g. "ema 0.999"."""
    given = {f.name: (getattr(trainer, f.name), f.default) for f in fields(trainer) if f.name in OF_TRAINING}
    return [f"{name} {value}" for name, (value, default) in given.items() if value != default]


def _environment(environment: Mapping[str, Any]) -> str:
    code = short_code(environment.get("git") or "") or f"version {environment.get('bregman_exp')}"
    return f"commit {code}, torch {environment['torch']}, Python {environment['python']}"


def _accuracies(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "| | accuracy % | 95 % interval | samples | verdict |"
    yield "|---|---|---|---|---|"
    entries: list[dict[str, Any]] = [clean_entry(figures), *figures["robust"]]
    for entry in entries:
        accuracy = "not reported" if entry["accuracy"] is None else percent(entry["accuracy"])
        n = entry.get("n") or figures["clean"]["n"]
        yield f"| {entry['id']} | {accuracy} | {interval(entry.get('ci95'))} | {n:,} | {entry['verdict']} |"
