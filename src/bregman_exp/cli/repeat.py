"""The command lines that make runs again."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from bregman_exp import build
from bregman_exp.cli.command import plain_container
from bregman_exp.config import ConfigError, Run, check, conf_dir
from bregman_exp.results import NotARunError, RunFolder
from bregman_exp.results.stored_config import stored_config

Flat = dict[str, Any]
NOT_ASKED_FOR = ("seed", "logger")  # seeds are said together; where to log is for who repeats it to say
PLAIN = re.compile(r"[\w.+/-]+")
RUN = "hydra.mode=RUN"  # a preset is a sweep, of which this makes one job


def repeating_words(folder: RunFolder) -> list[str] | None:
    """E.g. ["experiment=two_spiral_3", "hydra.mode=RUN", "model=mlp", "model.init=random"], without the seed.

    The preset of the run's experiment where there is one, the groups that it does not give, then a word for
    each key that still differs. None where the groups are no config any more.
    """
    try:
        run = replace(build.stored_run(folder), output_dir=str(stored_config(folder)["output_dir"]))
    except (ConfigError, NotARunError, KeyError):
        return None
    words = [*_preset(run), f"model={run.model_name}"]
    composed = _composed(tuple(words))
    for group in _groups(run):
        key, _, name = group.partition("=")
        if composed and composed[0].get(f"{key}.name") != name:
            words += [group, *_left_open(run, group)]
            composed = _composed(tuple(words))
    return [*words, *_changes(run, *composed)] if composed else None


def train_command(words: Iterable[str], seeds: Iterable[int]) -> str:
    """With the seeds from the first to the last: what is complete is skipped."""
    first, last = min(there := list(seeds)), max(there)
    seed = f"seed={first}" if first == last else f"seeds={first}..{last}"
    return shlex.join(["python", "train.py", *words, seed])


def preset_command(rows: Sequence[Sequence[str]]) -> str | None:
    """The preset that makes all these rows; None where they are of no preset, or of several.

    With the words that all rows have, but for those that its sweep gives.
    """
    shared = [word for word in rows[0] if all(word in row for row in rows)] if rows else []
    preset = [word for word in shared if _key(word) in ("experiment", "scale")]
    if not preset or _key(preset[0]) != "experiment":
        return None
    swept = {key.lstrip("+") for key in _sweep(preset)}
    swept |= {"model", "act"} if "row" in swept else set()
    own = [word for word in shared if word != RUN and _key(word) not in swept]
    return shlex.join(["python", "train.py", *own])


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+")


def _preset(run: Run) -> list[str]:
    conf, name = Path(conf_dir()), run.experiment_name
    small = Path(run.output_dir).name == "small" and (conf / "scaled" / f"{name}_small.yaml").is_file()
    if (conf / "experiment" / f"{name}.yaml").is_file():
        return [f"experiment={name}", *(["scale=small"] if small else []), RUN]
    return [] if name == "adhoc" else [f"experiment_name={name}"]


def _groups(run: Run) -> Iterable[str]:
    yield from (f"act={run.act.name}", f"dataset={run.dataset.name}", f"attack={run.attack.name}")
    if run.trainer.accelerator == "gpu":
        yield "trainer=ddp" if run.trainer.devices > 1 else "trainer=gpu"


def _left_open(run: Run, group: str) -> list[str]:
    """What the group's file leaves to the command line, without which it is no config."""
    return [f"dataset.root={_spelled(_flat(run)['dataset.root'])}"] if group == "dataset=image_folder" else []


def _changes(run: Run, there: Flat, keys: AbstractSet[str]) -> list[str]:
    return [
        f"{'' if key in keys else '++'}{key}={_spelled(value)}"
        for key, value in _flat(run).items()
        if there.get(key) != value
    ]


@cache
def _composed(words: tuple[str, ...]) -> tuple[Flat, frozenset[str]] | None:
    """The typed config, and the keys that the files themselves have; None where they are no config."""
    try:
        with initialize_config_dir(conf_dir(), version_base="1.3"):
            plain = plain_container(compose("train", overrides=list(words)))
        plain.pop("seeds")
        run = check(plain | {"seed": 0})
    except (HydraException, OmegaConfBaseException, ValueError):  # Hydra's own for a group named by a number
        return None
    return _flat(run), frozenset(_flattened(plain))


def _sweep(words: Sequence[str]) -> list[str]:
    """The keys that the preset's sweep gives."""
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        cfg = compose("train", overrides=["model=mlp", *words], return_hydra_config=True)
    return list(cfg.hydra.sweeper.params or {})


def _flat(run: Run) -> Flat:
    return {
        key: value
        for key, value in _flattened(asdict(run)).items()
        if key.split(".")[0] not in NOT_ASKED_FOR and not key.endswith("_target_")
    }


def _flattened(groups: Mapping[str, Any], above: str = "") -> Flat:
    flat: Flat = {}
    for key, value in groups.items():
        flat |= _flattened(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return flat


def _spelled(value: Any) -> str:
    """As Hydra reads it: "null", "true", "[8,8,2]", "{attack:pgd,eps:[0.01]}"."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_spelled, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_spelled(inner)}" for key, inner in value.items()) + "}"
    text = str(value)
    return text if PLAIN.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
