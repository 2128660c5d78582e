"""Where a run lies, and which run it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bregman_exp.build.attacks import suite_hash
from bregman_exp.build.identity import stack_identity, training_identity
from bregman_exp.build.objects import activation
from bregman_exp.config import (
    Run,
    config_hash,
    short_hash,
)
from bregman_exp.data import (
    ClassificationData,
)
from bregman_exp.runs import RunFolder


def run_folder(run: Run, data: ClassificationData) -> RunFolder:
    """outputs/<experiment>/<model>-<act>-<dataset>/seed-<k>-<hash>/: it follows from the config."""
    name = f"{run.model_name}-{activation(run).slug}-{data.name}"
    leaf = f"seed-{run.seed}-{training_identity(run, data)['config_hash']}"
    return RunFolder(Path(run.output_dir) / run.experiment_name / name / leaf)


def stack_folder(runs: Sequence[Run], data: ClassificationData) -> RunFolder:
    """Where the seeds of a command keep their common checkpoint: .stack-<hash>/ beside their folders."""
    name = f".stack-{short_hash(list(stack_identity(runs, data).values()))}"
    return RunFolder(run_folder(runs[0], data).path.with_name(name))


def seeds_label(runs: Sequence[Run]) -> str:
    """E.g. "seeds 0..63"; where some between are missing, "61 seeds"."""
    n, first, last = len(runs), runs[0].seed, runs[-1].seed
    if n == 1:
        return f"seed {first}"
    return f"seeds {first}..{last}" if n == last - first + 1 else f"{n} seeds"


def identity(run: Run, data: ClassificationData) -> dict[str, Any]:
    """The part of metrics.json that says which run it is."""
    act = activation(run).label
    return {
        **training_identity(run, data),
        "row_hash": config_hash(run, act, data.fingerprint, with_seed=False),
        "model": run.model_name,
        "act": act,
        "version": run.model.version,
        "weights": run.weights,
        "suite": run.attack.name,
        "suite_hash": suite_hash(run),
    }


def run_note(run: Run, data: ClassificationData, overrides: Sequence[str]) -> dict[str, Any]:
    """run.json: which run it is, and the words that were typed for it."""
    described = {"name": data.name, "label": data.label, "fingerprint": data.fingerprint}
    return {**identity(run, data), "dataset": described, "overrides": list(overrides)}


def dataset_record(data: ClassificationData) -> dict[str, Any]:
    """The part of metrics.json that says which data."""
    sizes = {f"n_{name}": len(getattr(data, name).y) for name in ("train", "val", "test")}
    described = {"name": data.name, "source": data.source, "label": data.label}
    remarks = {"remarks": list(data.remarks)} if data.remarks else {}
    return {**described, **sizes, "fingerprint": data.fingerprint, **remarks}
