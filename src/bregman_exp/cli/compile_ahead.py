"""The rows of a sweep on a GPU are compiled in parallel, each by its own process, while the data are read.

Compiling a row takes half a minute of one core. The result lies in torch's cache on the disk, where the
row's job finds it. If a process fails, the job compiles for itself.
"""

import subprocess
import sys
from itertools import product
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from bregman_exp import build
from bregman_exp.cli.command import plain_container
from bregman_exp.cli.seeds import SEED_KEYS
from bregman_exp.cli.sweep import sweep_overrides
from bregman_exp.config import check, conf_dir
from bregman_exp.data import as_unit
from bregman_exp.training.probe import try_step

MOST_PROCESSES = 8  # each holds a part of the GPU's memory


class CompileAhead(Callback):
    """Starts a process for each row of a sweep, and ends those still running at the sweep's end."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        if config.trainer.accelerator != "gpu":
            return
        for overrides in rows(sweep_overrides(config))[:MOST_PROCESSES]:
            command = [sys.executable, "-m", "bregman_exp.cli.compile_ahead", *overrides]
            silent = subprocess.DEVNULL
            self.processes.append(subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        for process in self.processes:
            process.terminate()
            process.wait()


def rows(overrides: list[str]) -> list[list[str]]:
    """The overrides of each row of a sweep, without its seeds. The last override of a key counts."""
    choices: dict[str, list[str]] = {}
    for override in OverridesParser.create().parse_overrides(overrides):
        key = override.get_key_element()
        swept = override.is_sweep_override()
        values = override.sweep_string_iterator() if swept else ()
        choices[key] = [f"{key}={value}" for value in values] or [override.input_line or key]
    without_seeds = [values for key, values in choices.items() if key not in SEED_KEYS]
    return [list(row) for row in product(*without_seeds)]


def compile_row(overrides: list[str]) -> None:
    """Takes a step in the first compiled form that the run may use, on black images."""
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        plain = plain_container(compose("train", overrides))
    del plain["seeds"]
    run = check(plain | {"seed": 0})
    forms = [form for form in build.forms(run) if form.compiled and run.trainer.fast in (None, form.name)]
    if not forms:
        return
    job = build.job(run, data=build.black_images(run))
    net, images = job.new_network().to(job.device), job.data.train
    batch = as_unit(images.x).to(job.device), images.y.to(job.device)
    form = forms[0]  # the job compiles the others where this one is refused
    try_step(net, run.optim, build.forward(run, net, form), batch, form, build.half(run))


if __name__ == "__main__":
    compile_row(sys.argv[1:])
