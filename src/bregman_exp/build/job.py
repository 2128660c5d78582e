"""A run and everything that follows from its config. A command builds it once and passes it on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bregman_exp.build.folder_label import varied
from bregman_exp.build.objects import activation, check_model, dataset, device, model, with_choices_of
from bregman_exp.build.robust_training import with_threat
from bregman_exp.build.stored import load_trained
from bregman_exp.build.suite import (
    BATCH_SIZE,
    attack_specs,
    draws_by_batch,
    suite_hash,
    suite_label,
    transfer_source,
)
from bregman_exp.config import ConfigError, Resnet, Run, config_hash, short_hash
from bregman_exp.data import ClassificationData, Statistics
from bregman_exp.geometry import Activation
from bregman_exp.models.architecture import CIFAR_DEPTHS
from bregman_exp.robustness import AttackSpec, Victim
from bregman_exp.runs import RunFolder

WIDER = 4  # as many channels as the CIFAR family has a network of the ImageNet family
GPU_BATCH_SIZE = 2000  # samples attacked at a time; with fewer a GPU waits for launches


@dataclass(frozen=True, eq=False)
class Job:
    """A run with its objects. ``act``: the map of ``run.act``. ``specs``: the attacks of its suite.

    ``overrides``: what the command was given, as it was typed.
    ``config_hash``: over what determines the trained weights; ``row_hash``: the same without the seed;
    ``suite_hash``: over what determines the figures of given weights.
    """

    run: Run
    act: Activation
    specs: tuple[AttackSpec, ...]
    data: ClassificationData
    config_hash: str
    row_hash: str
    suite_hash: str
    folder: RunFolder
    overrides: tuple[str, ...]

    def with_seed(self, run: Run) -> "Job":
        """The job of a run that differs only in its seed."""
        run = with_choices_of(self.data, with_threat(run))
        hash_ = config_hash(run, self.act.label, self.data.fingerprint)
        folder = _folder(run, self.act, self.data, hash_, self.overrides)
        return replace(self, run=run, config_hash=hash_, folder=folder)

    def new_network(self) -> nn.Module:
        """A network with the initial weights of its seed.

        Checks, training and evaluation have each their own: a callback, a plug-in's attack or Lightning may
        leave hooks, modes or buffers behind that no checkpoint holds.
        """
        return model(self.run, self.act, self.data)

    def trained_network(self) -> nn.Module:
        """A network with the trained weights that the run's figures are of.

        Raises MisfitError where the config does not belong to the folder, CheckpointError where the weights
        do not.
        """
        return load_trained(self.run, self.act, self.data, self.folder, self.identity)

    def source(self) -> nn.Module | None:
        """The trained network that transfer attacks start from; raises as ``transfer_source``."""
        evaluated = {"config_hash": self.config_hash, "weights": self.run.weights}
        return transfer_source(self.run.attack, self.specs, self.data, evaluated)

    @property
    def device(self) -> torch.device:
        return device(self.run)

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint is compared with: the training it is of."""
        return {"config_hash": self.config_hash, "seed": self.run.seed}

    @property
    def record(self) -> dict[str, Any]:
        """The part of metrics.json that identifies the run."""
        run = self.run
        return {
            **self.identity,
            "row_hash": self.row_hash,
            "model": run.model_name,
            "act": self.act.label,
            "version": run.model.version,
            "weights": run.weights,
            "suite": suite_label(run.attack, self.specs),
            "suite_hash": self.suite_hash,
        }

    @property
    def dataset_record(self) -> dict[str, Any]:
        """The part of metrics.json that says which data, of which classes, with which computed statistics."""
        data = self.data
        sizes = {f"n_{name}": len(getattr(data, name).y) for name in ("train", "val", "test")}
        names = {"name": data.name, "source": data.source, "label": data.label}
        remarks = {"remarks": list(data.remarks)} if data.remarks else {}
        own = {"statistics": data.normalize._asdict()} if isinstance(data.normalize, Statistics) else {}
        about = {"shape": list(data.train.x.shape[1:]), "classes": list(data.classes), **own, **remarks}
        return {**names, **sizes, "fingerprint": data.fingerprint, **about}

    @property
    def run_json(self) -> dict[str, Any]:
        """The content of run.json: which run it is, and the overrides of its command."""
        names = {name: getattr(self.data, name) for name in ("name", "label", "fingerprint")}
        return {**self.record, "dataset": names, "overrides": list(self.overrides)}

    def check_attacks(self, net: nn.Module) -> None:
        """Raises ConfigError where the test set has fewer samples than ``attack.samples``.

        Raises ValueError where an attack cannot run: with so few classes, on inputs of this shape, or on a
        model without the surrogate, the bounds or the source that it needs.
        """
        samples, n = self.run.attack.samples, len(self.data.test.y)
        if samples is not None and samples > n:
            raise ConfigError(f"attack.samples={samples}: the test set has {n}; use null for all of it.")
        victim = Victim.of(net, self.run.seed, self.source())
        classes, shape = self.data.num_classes, self.data.train.x.shape[1:]
        for spec in self.specs:
            spec.attack.for_classes(classes).check_fits(victim, classes)
            spec.attack.rehearse(spec.threat, net, shape, classes)

    @property
    def attack_batch_size(self) -> int:
        """How many samples are attacked at a time.

        On a GPU, where the figures do not depend on it, 2,000 images of 32×32 pixels for 20 layers (6 GB) of
        the CIFAR family, and fewer where a sample takes more memory.
        """
        run, data = self.run, self.data
        if run.attack.batch_size is not None:
            return run.attack.batch_size
        if self.device.type == "cpu" or draws_by_batch(run.attack, self.specs):
            return BATCH_SIZE
        depth = run.model.depth if isinstance(run.model, Resnet) else 20
        depth *= 1 if depth in CIFAR_DEPTHS else WIDER
        pixels = data.test.x.shape[2:].numel() if data.is_image else 1
        return max(BATCH_SIZE, int(GPU_BATCH_SIZE * min(1.0, 20 / depth) * min(1.0, 32 * 32 / pixels)))


def job(
    run: Run,
    folder: RunFolder | None = None,
    data: ClassificationData | None = None,
    overrides: Sequence[str] = (),
) -> Job:
    """The job of a checked config. The folder follows from the config and the data are read, unless given.

    Raises ValueErrors for mistakes in map, attacks and model before it reads the data.
    """
    run = with_threat(run)
    act, specs = activation(run), tuple(attack_specs(run.attack))
    check_model(run, act)
    data = dataset(run) if data is None else data
    run = with_choices_of(data, run)
    hash_ = config_hash(run, act.label, data.fingerprint)
    row_hash = config_hash(run, act.label, data.fingerprint, with_seed=False)
    folder = _folder(run, act, data, hash_, overrides) if folder is None else folder
    suite = suite_hash(run, specs)
    return Job(run, act, specs, data, hash_, row_hash, suite, folder, tuple(overrides))


def _folder(
    run: Run, act: Activation, data: ClassificationData, hash_: str, overrides: Sequence[str]
) -> RunFolder:
    """outputs/<experiment>/<model>-<act>-<dataset>/seed-<k>[-<what was varied>]-<hash>/.

    The hash finds a run that began under another name.
    """
    row = Path(run.output_dir) / run.experiment_name / f"{run.model_name}-{act.slug}-{data.name}"
    label = varied(overrides, run.model.version)
    path = row / "-".join(filter(None, [f"seed-{run.seed}", label, hash_]))
    others = [] if path.exists() else sorted(row.glob(f"seed-{run.seed}-*{hash_}"))
    return RunFolder(next(iter(others), path))


def stack_identity(jobs: Sequence[Job]) -> dict[str, Any]:
    """The identity of the common checkpoint: all seeds of the command, also those trained alone since."""
    return {"row_hash": jobs[0].row_hash, "seeds": [job.run.seed for job in jobs]}


def stack_folder(jobs: Sequence[Job]) -> RunFolder:
    """The folder of the seeds' common checkpoint: .stack-<hash>/ beside their own folders."""
    name = f".stack-{short_hash(list(stack_identity(jobs).values()))}"
    return RunFolder(jobs[0].folder.path.with_name(name))


def seeds_label(jobs: Sequence[Job]) -> str:
    """E.g. "seeds 0..63"; "61 seeds" where the range has gaps."""
    n, first, last = len(jobs), jobs[0].run.seed, jobs[-1].run.seed
    if n == 1:
        return f"seed {first}"
    return f"seeds {first}..{last}" if n == last - first + 1 else f"{n} seeds"
