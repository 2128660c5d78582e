"""The model card of a published network, in Markdown."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from bregman_exp.analysis.formats import interval, percent
from bregman_exp.analysis.names import short_code
from bregman_exp.build.loading import TrainedRun
from bregman_exp.runs import RunFolder
from bregman_exp.runs.record import clean_entry
from bregman_exp.terminal import command

SAMPLE = "sample.json"
REMARK = "remark"  # a key of run.json


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
    value = getattr(config.model, "clamp", None)
    clamp = "" if value is None else f", clamp {value}"
    epochs = f"{train['epochs']} epochs, batch {config.trainer.batch_size}"
    return {
        "network": f"{config.model_name} ({run.figures['act']}){clamp}, {parameters:,} parameters",
        "data": f"{data['label']}: {sizes} samples; fingerprint {data['fingerprint'][:12]}",
        "recipe": f"{epochs}, {config.optim.label}, precision {config.trainer.precision}, seed {config.seed}",
    }


SPLITS = {"train": "training", "val": "validation", "test": "test"}


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
