"""The seeds of a command: ``seed=k``, ``seeds=first..last``, or a sweep over either."""

import sys
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, flag_override

from bregman_exp.config import ConfigError

SEED_KEYS = ("seed", "seeds")
MOST_SEEDS = 10_000  # in one command


def seeds_of(seed: Any, seeds: Any) -> list[Any]:
    """``seeds=0..3`` is 0, 1, 2, 3; ``seed=k`` is k; neither is 0; both is an error."""
    if seeds is None:
        return [0 if seed is None else seed]
    if seed is not None:
        raise ConfigError(f"seed={seed} and seeds={seeds}: give one of the two.")
    first, dots, last = str(seeds).partition("..")
    if not (dots and first.isdigit() and last.isdigit() and int(first) <= int(last)):
        alone = f", or seed={seeds}" if str(seeds).isdigit() else ""
        raise ConfigError(f"seeds={seeds}: give a range such as 0..63 (both ends included){alone}.")
    n = int(last) - int(first) + 1
    if n > MOST_SEEDS:
        raise ConfigError(f"seeds={seeds} are {n:,} seeds; a command takes at most {MOST_SEEDS:,}.")
    return list(range(int(first), int(last) + 1))


class CommandLineSeeds(Callback):
    """``seeds=…`` on the command line replaces a preset's sweep over ``seed``, and vice versa.

    Hydra calls it before a sweep (``hydra.callbacks`` in conf/). Hydra itself replaces a sweep only by the
    same key.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        typed = [override for override in config.hydra.overrides.task if _key(override) in SEED_KEYS]
        preset = config.hydra.sweeper.get("params") or {}
        replaced = [f"{key}={preset[key]}" for key in SEED_KEYS if typed and key in preset]
        with flag_override(config, ["struct", "readonly"], [False, False]):
            for override in replaced:
                del preset[_key(override)]
        if replaced and typed[0] not in replaced:
            print(f"{typed[0]} replaces {replaced[0]} of the experiment", file=sys.stderr)


def _key(override: str) -> str:
    return override.lstrip("+").partition("=")[0]
