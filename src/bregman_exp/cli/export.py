"""The weights of trained runs as state dicts, to publish a set of pretrained networks."""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import torch

from bregman_exp import build
from bregman_exp.runs import RunFolder
from bregman_exp.runs.atomic import write_atomically, write_text
from bregman_exp.training.checkpoint import CheckpointError, weights_of

CHECKSUMS = "SHA256SUMS"  # as sha256sum -c reads it


def export_weights(runs: Iterable[RunFolder], target: Path) -> list[Path]:
    """Writes the weights that each run's figures are of as a state dict, <model>-<act>-<data>-<run>.pt.

    ``SHA256SUMS`` beside them has a line for every .pt file of the folder. ``torch.load`` reads them with
    ``weights_only=True``. Raises CheckpointError for a run that is not complete, before anything is written,
    and for damaged weights.
    """
    runs = list(runs)
    for run in runs:
        if not run.complete:
            raise CheckpointError(f"{run.path} is not complete; run its train command again.")
    written = [_export(run, target) for run in runs]
    files = sorted(target.glob("*.pt"))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    write_text(target / CHECKSUMS, "".join(lines))
    return written


def _export(folder: RunFolder, target: Path) -> Path:
    run, record = build.stored_run(folder), folder.read_metrics()
    build.check_stored(folder, record["dataset"]["fingerprint"])
    identity = {key: record[key] for key in ("config_hash", "seed")}
    content = io.BytesIO()
    torch.save(weights_of(folder.checkpoint(run.weights), identity), content)
    path = target / f"{folder.path.parent.name}-{folder.path.name}.pt"
    write_atomically(path, lambda file: file.write(content.getbuffer()))
    return path
