"""What a training says of itself when it begins or resumes: settings, data, attacks, and its size."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bregman_exp import build
from bregman_exp.analysis.formats import counted
from bregman_exp.analysis.names import base_name, size_name
from bregman_exp.build import Job
from bregman_exp.cli.command import log
from bregman_exp.config import STANDARD, TRADES, Run

IN_FIRST_LINE = ("model", "act", "dataset", "row", "seed", "seeds")
OF_COMMAND = ("output_dir", "hydra")  # they change nothing of the run
ATTACKS = 6  # so many are named


def log_summary(jobs: Sequence[Job], net: nn.Module) -> None:
    """Logs a few lines on jobs that differ in their seed alone. ``net``: one of their networks."""
    for line in summary(jobs, net):
        log.info("%s", line)


def summary(jobs: Sequence[Job], net: nn.Module) -> Iterator[str]:
    run, data = jobs[0].run, jobs[0].data
    epochs = f"{'at most ' if run.trainer.patience else ''}{counted(run.trainer.max_epochs, 'epoch')}"
    yield f"{row_name(jobs[0])}: {data.label}, {build.seeds_label(jobs)}, {epochs}"
    yield f"changed: {', '.join(_changed(jobs[0].overrides)) or 'nothing'}"
    shape = "×".join(map(str, data.train.x.shape[1:]))
    sizes = f"{len(data.train):,} training, {len(data.val):,} validation and {len(data.test):,} test samples"
    yield f"data: {sizes} of {shape} numbers, {data.num_classes} classes"
    yield f"optimizer: {run.optim.label}"
    if run.training.objective != STANDARD:
        yield f"training: {_training(run) if run.training.is_robust else run.training.objective}"
    device = f"{jobs[0].device.type}{f' × {run.trainer.devices}' if run.trainer.devices > 1 else ''}"
    yield f"batch {run.trainer.batch_size} on {device}, precision {run.trainer.precision}"
    ids = [spec.id for spec in jobs[0].specs]
    more = [f"{len(ids) - ATTACKS} more"] if len(ids) > ATTACKS else []
    yield f"attacks: {', '.join([*ids[:ATTACKS], *more]) or 'none'}"
    yield _size(net, torch.zeros(1, *data.train.x.shape[1:]))


def row_name(job: Job) -> str:
    """As in tables, e.g. "bregman_mlp (atan), depth 3, zero start"."""
    groups = {"model": asdict(job.run.model), "training": asdict(job.run.training)}
    config = {f"{group}.{key}": value for group, keys in groups.items() for key, value in keys.items()}
    return base_name(job.run.model_name, job.act.label, config)


def _changed(overrides: Iterable[str]) -> list[str]:
    """The overrides but those that the first line says, or that change nothing of the run."""
    plain = [override.lstrip("+~") for override in overrides]
    keys = [override.partition("=")[0] for override in plain]
    return [
        override
        for override, key in zip(plain, keys, strict=True)
        if key not in IN_FIRST_LINE and key.replace("/", ".").partition(".")[0] not in OF_COMMAND
    ]


def _training(run: Run) -> str:
    """E.g. "pgd_at, linf, ε 8/255, 10 steps of 2/255: 11 model evaluations a step instead of 1"."""
    settings = run.training
    step = size_name(settings.rel_step * settings.eps)
    parts = [settings.objective, *([f"β {settings.beta:g}"] if settings.objective == TRADES else [])]
    parts += [settings.norm, f"ε {size_name(settings.eps)}", f"{counted(settings.steps, 'step')} of {step}"]
    return f"{', '.join(parts)}: {settings.evaluations} model evaluations a step instead of 1"


def _size(net: nn.Module, x: torch.Tensor) -> str:
    """E.g. "272,474 parameters, 40.6 M multiply-adds a sample"."""
    parameters = f"{sum(p.numel() for p in net.parameters()):,} parameters"
    count = multiply_adds(net, x)
    return f"{parameters}, {_short(count)} multiply-adds a sample" if count else parameters


def multiply_adds(net: nn.Module, x: torch.Tensor) -> int | None:
    """Of matrix products and convolutions in a forward pass in eval mode; None where it cannot be counted."""
    try:
        copied = copy.deepcopy(net).eval()
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            copied(x)
    except Exception:  # a plug-in's model may not run here; training will say why
        return None
    return counter.get_total_flops() // 2


def _short(count: int) -> str:
    """E.g. "8,124", "40.6 M"."""
    units = {"G": 10**9, "M": 10**6, "k": 10**3}
    if count < 10_000:
        return f"{count:,}"
    return next(f"{count / size:.1f} {unit}" for unit, size in units.items() if count >= size)
