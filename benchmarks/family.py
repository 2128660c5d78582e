"""Every model of conf/: training step and inference, Bregman against standard, plain and fast."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.measure import Case, measure, timed
from benchmarks.networks import Forward, inference_form, settle, training_form
from benchmarks.options import Options
from benchmarks.row import Row, row
from benchmarks.step import INFERENCE, TRAINING
from benchmarks.updates import sgd, update
from bregman_exp import build
from bregman_exp.cli.model_list import VERSIONS, composed, standard_models
from bregman_exp.cli.run_summary import multiply_adds
from bregman_exp.config import Mlp, Resnet, Run, conf_dir
from bregman_exp.models.architecture import BASIC, BOTTLENECK

CLASSES = 10
POINT = (2,)
Key = tuple[str, str]  # model, mode


@dataclass(frozen=True)
class Subject:
    """A model as ``train.py model=…`` has it, on one batch."""

    run: Run
    x: Tensor
    y: Tensor

    def network(self) -> nn.Module:
        """With the initial weights of seed 0, and the statistics of this batch."""
        net = build.network(self.run, build.activation(self.run), self.x.shape[1:], CLASSES, None)
        settle(net, self.x)
        return net


def rows(options: Options) -> Iterator[Row]:
    """Milliseconds a batch; ratios to the standard model of the same architecture in the same mode.

    ``options.models``: standard models, each with its Bregman (and euclidean) versions; () for all. MLPs have
    no fast form. The ImageNet family has its own stem from 65 pixels on, unless ``options.stem`` names one.
    """
    for architecture in options.models or standard_models():
        subjects = {name: _subject(name, options) for name in _versions(architecture)}
        modes = [mode for mode in options.modes if mode == "plain" or _is_resnet(subjects[architecture])]
        keys = [(name, mode) for mode in modes for name in subjects]
        if not keys:
            continue
        for subject, case in ((TRAINING, training_case), (INFERENCE, inference_case)):
            yield from _compared(subject, options, architecture, subjects, keys, case)
            gc.collect()
            torch.compiler.reset()


def training_case(subject: Subject, mode: str) -> Callable[[], float]:
    net = subject.network().train()
    forward, optimizer = training_form(net, mode), sgd(net.parameters())
    return timed(lambda: update(forward, optimizer, subject.x, subject.y))


def inference_case(subject: Subject, mode: str) -> Callable[[], float]:
    forward: Forward = torch.no_grad()(inference_form(subject.network(), mode))
    return timed(lambda: forward(subject.x))


def _compared(
    subject: str,
    options: Options,
    architecture: str,
    subjects: dict[str, Subject],
    keys: list[Key],
    case: Callable[[Subject, str], Callable[[], float]],
) -> Iterator[Row]:
    cases = [
        Case(", ".join(key), case(subjects[key[0]], key[1]), _against(key, architecture)) for key in keys
    ]
    measurement = measure(cases, options.limits)
    for name, mode in keys:
        seconds = measurement.seconds(f"{name}, {mode}")
        sizes = _sizes(subjects[name])
        yield row(subject, f"{name}, {mode}", measurement, 1e3 * seconds, "ms", **sizes)


def _against(key: Key, architecture: str) -> dict[str, str]:
    name, mode = key
    return {} if name == architecture else {"standard": f"{architecture}, {mode}"}


def _sizes(subject: Subject) -> dict[str, str]:
    """Parameters, and multiply-adds of a sample."""
    net = subject.network()
    parameters = sum(parameter.numel() for parameter in net.parameters())
    adds = multiply_adds(net, subject.x[:1])
    return {"parameters": f"{parameters:,}", "multiply-adds": f"{adds or 0:,}"}


def _subject(name: str, options: Options) -> Subject:
    run = composed(f"model={name}")
    if options.stem and getattr(run.model, "depth", None) in (*BASIC, *BOTTLENECK):
        run = composed(f"model={name}", f"model.stem={options.stem}")
    shape = POINT if isinstance(run.model, Mlp) else (3, options.image, options.image)
    random = torch.Generator().manual_seed(0)
    x = torch.rand(options.batch, *shape, generator=random)
    y = torch.randint(CLASSES, (options.batch,), generator=random)
    return Subject(build.with_stem_for(run, shape), x, y)


def _is_resnet(subject: Subject) -> bool:
    return isinstance(subject.run.model, Resnet)


def _versions(architecture: str) -> list[str]:
    """The standard model, then its other versions."""
    folder = Path(conf_dir()) / "model"
    others = [f"{prefix}{architecture}" for prefix in VERSIONS]
    return [architecture, *(name for name in others if (folder / f"{name}.yaml").is_file())]
