"""The time that Lightning and this project's callbacks add to a step of a bare loop on the same batches."""

import contextlib
import io
import logging
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from benchmarks.measure import Case, measure, timed
from benchmarks.options import Options
from benchmarks.row import Row, row
from benchmarks.updates import update
from bregman_exp import build
from bregman_exp.build import Job, training
from bregman_exp.config import Run, check
from bregman_exp.data import ClassificationData, Split
from bregman_exp.runs import RunFolder
from bregman_exp.training.classifier import Classifier
from bregman_exp.training.form import EAGER, Choice
from bregman_exp.training.lightning import without_advice

CONF = Path(__file__).parents[1] / "conf"
VALIDATION_IMAGES = 2  # not timed
RESNET = ("model=bregman_resnet20", "act=atan")
MLPS = {depth: ("model=bregman_mlp", f"model.depth={depth}") for depth in (3, 100)}


class Clock(pl.Callback):
    """Seconds from an epoch's start to the end of its last training step, without validation."""

    seconds = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._start = time.perf_counter()

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds = time.perf_counter() - self._start


def rows(options: Options) -> list[Row]:
    """Milliseconds a step, and Lightning's share of it, 1 − bare / Lightning, from the median ratio."""
    with tempfile.TemporaryDirectory() as output, _quiet():
        form = "compiled" if "fast" in options.modes else "false"  # as a long run is trained
        resnet = _run(output, *RESNET, f"trainer.batch_size={options.batch}", f"trainer.fast={form}")
        lines = _compared("resnet20 atan", resnet, _images(options), options)
        for depth, overrides in MLPS.items():
            run = _run(output, *overrides)
            lines += _compared(f"mlp depth {depth}", run, build.dataset(run), options)
    return lines


def _run(output: str, *overrides: str) -> Run:
    """The config of a training of one epoch, as train.py reads it."""
    fixed = ("attack=none", "trainer.max_epochs=1", f"output_dir={output}")
    with initialize_config_dir(str(CONF), version_base=None):
        config = compose("train", [*overrides, *fixed])
    plain = OmegaConf.to_container(config)
    assert isinstance(plain, dict)
    return check({str(key): value for key, value in plain.items() if key != "seeds"} | {"seed": 0})


def _images(options: Options) -> ClassificationData:
    train, val = _noise(options.batch * options.lightning_steps), _noise(VALIDATION_IMAGES)
    names = tuple(map(str, range(10)))
    return ClassificationData(
        "noise", "generated", names, train, val, val, normalize="cifar10", label="noise"
    )


def _noise(n: int) -> Split:
    random = torch.Generator().manual_seed(0)
    x = torch.randint(256, (n, 3, 32, 32), generator=random, dtype=torch.uint8)
    return Split(x, torch.randint(10, (n,), generator=random), torch.arange(n))


def _compared(name: str, run: Run, data: ClassificationData, options: Options) -> list[Row]:
    bare, lightning = f"{name}, bare loop", f"{name}, Lightning"
    jobs = [build.job(run, RunFolder(Path(run.output_dir)), data) for _ in range(2)]
    cases = [Case(bare, _bare(jobs[0])), Case(lightning, _with_lightning(jobs[1]), {"bare loop": bare})]
    measurement = measure(cases, options.limits)
    share = 1 - 1 / measurement.ratio(lightning, bare)
    return [
        row("lightning", bare, measurement, 1e3 * measurement.seconds(bare), "ms"),
        row("lightning", lightning, measurement, 1e3 * measurement.seconds(lightning), "ms", share=share),
    ]


def _module(job: Job) -> Classifier:
    run, net = job.run, job.new_network()
    form = next((form for form in build.forms(run) if form.name == run.trainer.fast), EAGER)
    return training.classifier(run, net, Choice(form), build.forward(run, net, form))


def _bare(job: Job) -> Callable[[], float]:
    """An epoch of the bare loop, timed."""
    module, batches = _module(job), _batches(job)
    forward, optimizer = module.fast or module.model, job.run.optim.build_optimizer(module.parameters())
    return timed(lambda: [update(forward, optimizer, x, y) for x, y in batches()], len(batches()))


def _with_lightning(job: Job) -> Callable[[], float]:
    """An epoch with the trainer, callbacks and loggers of train.py, timed."""
    module, steps = _module(job), len(_batches(job)())

    def seconds() -> float:
        trainer, clock = training.trainer(job), Clock()
        trainer.callbacks.append(clock)  # pyright: ignore[reportAttributeAccessIssue]
        trainer.fit(module, training.epochs(job))
        return clock.seconds / steps

    return seconds


def _batches(job: Job):
    """A function that yields the first epoch's batches of the run."""
    load = training.epochs(job).train
    return lambda: load(0, torch.device("cpu"), 0, 1)


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Hides progress and Lightning's messages."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stderr(io.StringIO()), without_advice():
            yield
    finally:
        logger.setLevel(level)
