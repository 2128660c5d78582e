"""Runs that have a config and no figures: running, interrupted or failed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bregman_exp.results.reading import read_json
from bregman_exp.results.run_folder import RunFolder
from bregman_exp.results.stored_config import StoredConfig, stored_config
from bregman_exp.results.table.names import base_name

SEED = re.compile(r"seed-(\d+)")
OF_TRAINING = ("max_epochs", "batch_size", "precision", "patience", "devices", "sync_batchnorm")
NOT_OF_DATA = ("eps", "root", "download", "label")
NOTHING = (None, False, "", [])  # what a key says that may as well be absent


@dataclass(frozen=True)
class Unfinished:
    """``seed``: None where neither config nor folder tells it; ``failure``: the error, or ""."""

    path: str
    seed: int | None
    failure: str
    config: StoredConfig
    name: str
    model: str
    act: str

    def __str__(self) -> str:
        state = f"failed: {self.failure}" if self.failure else "running or interrupted"
        seed = "a run" if self.seed is None else f"seed {self.seed}"
        return f"{seed} ({state}; {self.path})"


def unfinished_run(folder: RunFolder) -> Unfinished:
    """Raises NotARunError where its config is damaged."""
    config = stored_config(folder)
    numbered = SEED.match(folder.path.name)
    seed = config.get("seed", int(numbered[1]) if numbered else None)
    return Unfinished(str(folder.path), seed, _failure(folder), config, *_names(folder, config))


def _failure(folder: RunFolder) -> str:
    """The error's first line; "" where the run has not failed."""
    if not folder.failure.is_file():
        return ""
    try:
        error = str(read_json(folder.failure)["error"])
    except (ValueError, KeyError, TypeError):
        return "failure.json is damaged"
    return error.splitlines()[0] if error else "unknown error"


def _names(folder: RunFolder, config: StoredConfig) -> tuple[str, str, str]:
    """Row, model, act; the folder <model>-<act>-<data> knows the parameters of act."""
    if "model.name" not in config or "act.name" not in config:
        return folder.path.parent.name, "", ""
    version = config.get("model.version", "standard")
    model = ("" if version == "standard" else f"{version}_") + config["model.name"]
    inner = folder.path.parent.name.removeprefix(f"{model}-")
    act = inner.removesuffix(f"-{config.get('dataset.name')}")
    act = act if act.startswith(config["act.name"]) else config["act.name"]
    return base_name(model, act, config), model, act


def training_of(config: StoredConfig) -> StoredConfig:
    """The keys that make a row, as the hash in a folder's name counts them; {} where there are none."""
    return {key: value for key, value in config.items() if _counts(key) and value not in NOTHING}


def data_of(config: StoredConfig) -> StoredConfig:
    """Those that a table's rows share: the data and the epochs."""
    training = training_of(config)
    return {k: v for k, v in training.items() if k.startswith("dataset.") or k == "trainer.max_epochs"}


def _counts(key: str) -> bool:
    group, _, name = key.partition(".")
    if group == "trainer":
        return name in OF_TRAINING
    if group == "dataset":
        return name not in NOT_OF_DATA and name != "_target_"
    return group in ("act", "model", "optim") and name != "_target_"


def belonging(runs: Iterable[Unfinished], config: StoredConfig) -> list[Unfinished]:
    """Those of the row that this config makes."""
    row = training_of(config)
    return [run for run in runs if row and training_of(run.config) == row]
