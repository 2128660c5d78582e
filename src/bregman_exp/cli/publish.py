"""Trained runs as a folder of published networks, which ``bx.pretrained`` reads."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bregman_exp.build.loading import TrainedRun, load, sample_shape
from bregman_exp.runs import RunFolder
from bregman_exp.runs.atomic import write_json
from bregman_exp.runs.reading import read_arrays
from bregman_exp.training.checkpoint import CheckpointError, read_checkpoint, without_training_state
from bregman_exp.training.checkpoint_writing import AtomicCheckpoints
from bregman_exp.zoo import write_checksums
from bregman_exp.zoo.card import REMARK, SAMPLE
from bregman_exp.zoo.sample import sample_figures

PATHS = ("dataset.root", "output_dir", "attack.source", "logger.mlflow", "hydra.")  # how keys of them begin


def publish(runs: Sequence[RunFolder], target: Path, name: str | None = None, remark: str = "") -> list[Path]:
    """Writes <target>/<name>/ for each run, with the weights that its figures are of, and SHA256SUMS.

    A folder has config.yaml and run.json without paths of this machine, metrics.json, predictions.npz, the
    weights as a checkpoint, and sample.json. ``name``: of a single run; default <model>-<act>-<data>-<run>.
    ``remark``: a sentence for the model card. Raises CheckpointError for a run that is not complete, before
    anything is written, and for damaged weights; ValueError for one name of several runs, for a name
    that is no folder's, and for a run that would be published onto itself.
    """
    for run in runs:
        if not run.complete:
            raise CheckpointError(f"{run.path} is not complete; run its train command again.")
    if name and len(runs) > 1:
        raise ValueError(f"--name {name} is for one run, and there are {len(runs)}; leave it out.")
    if name and Path(name).name != name:
        raise ValueError(f"--name {name} is not the name of a folder; give one without separators.")
    trained = [load(run.path) for run in runs]  # checks that its files belong together
    written = [target / (name or f"{run.path.parent.name}-{run.path.name}") for run in runs]
    if twice := next((path for path in written if written.count(path) > 1), None):
        raise ValueError(f"two of the runs would be {twice}; publish them one by one, each with a --name.")
    for path in {run.path.resolve() for run in runs} & {path.resolve() for path in written}:
        raise ValueError(f"{path} would be published onto itself; give another --to or --name.")
    for folder, run, path in zip(runs, trained, written, strict=True):
        _publish(folder, run, RunFolder(path), remark)
    write_checksums(target, [path.name for path in written])
    return written


def _publish(folder: RunFolder, run: TrainedRun, target: RunFolder, remark: str) -> None:
    config, figures = run.config.without_paths().to_yaml(), _without_root(run)
    shutil.rmtree(target.checkpoints, ignore_errors=True)  # of another publication
    _publish_checkpoints(folder, run, target, config)
    note = folder.read_note()
    note["overrides"] = [_without_path(word) for word in note.get("overrides", [])]
    target.begin(config, note | ({REMARK: remark} if remark else {}))
    target.finish(figures, read_arrays(folder.predictions))
    shape = sample_shape(run.config, run.net.state_dict(), figures)
    write_json(target.path / SAMPLE, sample_figures(run.net, shape))


def _publish_checkpoints(folder: RunFolder, run: TrainedRun, target: RunFolder, config: str) -> None:
    """The weights of the figures, and last.ckpt, which has the facts of the training."""
    identity = {key: run.figures[key] for key in ("config_hash", "seed")}
    writer = AtomicCheckpoints(target.checkpoints, identity, config)
    for name in dict.fromkeys(("last", run.config.weights)):
        content = read_checkpoint(folder.checkpoint(name), identity)
        writer.save_checkpoint(without_training_state(content), target.checkpoint(name))


def _without_root(run: TrainedRun) -> dict[str, Any]:
    """The figures; remarks of older versions name the folder of the images."""
    dataset, root = dict(run.figures["dataset"]), Path(getattr(run.config.dataset, "root", "")).expanduser()
    if "remarks" in dataset and root.is_absolute():
        dataset["remarks"] = [remark.replace(str(root), "…") for remark in dataset["remarks"]]
    return {**run.figures, "dataset": dataset}


def _without_path(override: str) -> str:
    """The override with "…" for the path that it names."""
    key, sign, _ = override.partition("=")
    return f"{key}{sign}…" if key.lstrip("+~").startswith(PATHS) else override
