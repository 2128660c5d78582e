"""Trained runs as a folder of published networks, which ``bx.pretrained`` reads."""

from collections.abc import Sequence
from pathlib import Path

from bregman_exp.build.loading import TrainedRun, load
from bregman_exp.config import Mlp
from bregman_exp.runs import RunFolder
from bregman_exp.runs.atomic import write_json
from bregman_exp.runs.reading import read_arrays
from bregman_exp.training.checkpoint import CheckpointError
from bregman_exp.training.checkpoint_writing import AtomicCheckpoints
from bregman_exp.zoo import write_checksums
from bregman_exp.zoo.card import REMARK, SAMPLE
from bregman_exp.zoo.sample import sample_figures

SIDE = 32  # pixels of the images of the sample


def publish(runs: Sequence[RunFolder], target: Path, name: str | None = None, remark: str = "") -> list[Path]:
    """Writes <target>/<name>/ for each run, with the weights that its figures are of, and SHA256SUMS.

    A folder has config.yaml and run.json without paths of this machine, metrics.json, predictions.npz, the
    weights as a checkpoint, and sample.json. ``name``: of a single run; default <model>-<act>-<data>-<run>.
    ``remark``: a sentence for the model card. Raises CheckpointError for a run that is not complete, before
    anything is written, and for damaged weights; ValueError for one name of several runs.
    """
    for run in runs:
        if not run.complete:
            raise CheckpointError(f"{run.path} is not complete; run its train command again.")
    if name and len(runs) > 1:
        raise ValueError(f"--name {name} is for one run, and there are {len(runs)}; leave it out.")
    trained = [load(run.path) for run in runs]  # checks that its files belong together
    written = [target / (name or f"{run.path.parent.name}-{run.path.name}") for run in runs]
    for folder, run, path in zip(runs, trained, written, strict=True):
        _publish(folder, run, RunFolder(path), remark)
    write_checksums(target)
    return written


def _publish(folder: RunFolder, run: TrainedRun, target: RunFolder, remark: str) -> None:
    config, figures = run.config.without_paths().to_yaml(), run.figures
    identity = {key: figures[key] for key in ("config_hash", "seed")}
    weights = {f"model.{key}": value for key, value in run.net.state_dict().items()}
    writer = AtomicCheckpoints(target.checkpoints, identity, config)
    writer.save_checkpoint({"state_dict": weights}, target.checkpoint(run.config.weights))
    target.begin(config, folder.read_note() | ({REMARK: remark} if remark else {}))
    target.finish(figures, read_arrays(folder.predictions))
    write_json(target.path / SAMPLE, sample_figures(run.net, _shape(run)))


def _shape(run: TrainedRun) -> tuple[int, ...]:
    """Of a sample that the network takes."""
    first = next(weight for weight in run.net.parameters() if weight.dim() > 1)
    return (first.shape[1],) if isinstance(run.config.model, Mlp) else (first.shape[1], SIDE, SIDE)
