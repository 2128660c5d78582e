"""The rows of a sweep on a GPU compile at once, each in a process of its own, while the data are read.

Compiling takes half a minute a row, of one core; what a process has compiled lies in torch's cache on the
disk, where the job of that row finds it. A process that fails costs nothing: the job compiles itself.
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
from bregman_exp.config import check, conf_dir
from bregman_exp.data import as_unit
from bregman_exp.training import try_step

MOST = 8  # processes: each holds a part of the GPU's memory
SEEDS = ("seed", "seeds")


class CompileAhead(Callback):
    """Starts a process for each row of a sweep, and ends those that are left at the sweep's end."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        if config.trainer.accelerator != "gpu":
            return
        hydra = config.hydra
        swept = [f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()]
        for words in rows([*swept, *hydra.overrides.task])[:MOST]:
            command = [sys.executable, "-m", "bregman_exp.cli.compile_ahead", *words]
            silent = subprocess.DEVNULL
            self.processes.append(subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        for process in self.processes:
            process.terminate()
            process.wait()


def rows(overrides: list[str]) -> list[list[str]]:
    """The words of each row of a sweep, without its seeds; of a key that is there twice the last counts."""
    choices: dict[str, list[str]] = {}
    for override in OverridesParser.create().parse_overrides(overrides):
        key = override.get_key_element()
        swept = override.is_sweep_override()
        values = override.sweep_string_iterator() if swept else ()
        choices[key] = [f"{key}={value}" for value in values] or [override.input_line or key]
    kept = [words for key, words in choices.items() if key not in SEEDS]
    return [list(words) for words in product(*kept)]


def compile_row(words: list[str]) -> None:
    """Takes a step in the first compiled form that the run of these words may use, on black images."""
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        plain = plain_container(compose("train", words))
    del plain["seeds"]
    run = check(plain | {"seed": 0})
    forms = [form for form in build.forms(run) if form.compiled and run.trainer.fast in (None, form.name)]
    if not forms:
        return
    job = build.job(run, data=build.glance(run))
    net, black = job.network.to(job.device), job.data.train
    batch = as_unit(black.x).to(job.device), black.y.to(job.device)
    form = forms[0]  # the others are tried where it does not hold
    try_step(net, run.optim, build.forward(run, net, form), batch, form, build.half(run))


if __name__ == "__main__":
    compile_row(sys.argv[1:])
