"""The keys that a config may have, and the nearest of them to one that it may not have."""

from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from typing import Any

from bregman_exp.config.schema.evaluation import Attack, Eval
from bregman_exp.config.schema.objective import Training
from bregman_exp.config.schema.run import TARGETS, Run
from bregman_exp.config.schema.training import Logger, Trainer
from bregman_exp.training.optimizer import Optim

# group -> its schema; the other groups have one for each ``_target_``
SCHEMAS: dict[str, type] = {
    "optim": Optim,
    "training": Training,
    "trainer": Trainer,
    "attack": Attack,
    "logger": Logger,
    "eval": Eval,
}
OF_COMMANDS = ("seeds", "run", "source", "weights")  # keys of a command that are not in a run's config
GROUPS = (*SCHEMAS, *TARGETS, "row", "experiment", "scale")
SIMILAR = 0.7  # of 1: what a misspelt name has in common with the right one, at least
OTHER_NAMES = {"learning_rate": "optim.lr", "epochs": "trainer.max_epochs", "gpus": "trainer.devices"}


def names(schema: type) -> str:
    """The keys of one schema, e.g. "optimizer, lr, momentum"."""
    return ", ".join(f.name for f in fields(schema) if not f.name.startswith("_"))


def typed_keys() -> dict[str, Any]:
    """Every key that some config may have, e.g. "dataset.eps.linf", with the type that its schema says."""
    keys: dict[str, Any] = {f.name: f.type for f in fields(Run) if f.name not in SCHEMAS | TARGETS}
    for group, schemas in [*((group, [schema]) for group, schema in SCHEMAS.items()), *_target_schemas()]:
        for schema in schemas:
            keys |= _keys_below(group, schema)
    return keys | dict.fromkeys(OF_COMMANDS, str)


def _target_schemas() -> Iterator[tuple[str, list[type]]]:
    for group, targets in TARGETS.items():
        yield group, list(targets.values())


def _keys_below(prefix: str, schema: type) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for f in fields(schema):
        inner = f.default_factory
        if inner is not MISSING and is_dataclass(inner):
            keys |= _keys_below(f"{prefix}.{f.name}", inner)  # pyright: ignore[reportArgumentType]
        elif not f.name.startswith("_"):
            keys[f"{prefix}.{f.name}"] = f.type
    return keys


def unknown_key(key: str, allowed: str = "") -> str:
    """E.g. "unknown key optim.lrr; did you mean optim.lr? optim has optimizer, lr, …", without a full stop.

    ``allowed``: the keys beside it, where the config tells which schema it has.
    """
    group, _, _ = key.rpartition(".")
    siblings = [name.removeprefix(f"{group}.") for name in typed_keys() if name.startswith(f"{group}.")]
    allowed = allowed or ", ".join(siblings)
    has = f"{group} has {allowed}" if group and allowed else f"a config has {names(Run)}"
    nearest = nearest_key(key)
    return f"unknown key {key}; " + (f"did you mean {nearest}? " if nearest else "") + has


def nearest_key(key: str) -> str | None:
    """The key most like this one: in full, else by its last name ("lr" is like "optim.lr")."""
    keys = [name for name in (*typed_keys(), *GROUPS) if name != key]
    last = key.rpartition(".")[2]
    by_last_name = {name.rpartition(".")[2]: name for name in reversed(keys)} | OTHER_NAMES
    full = nearest(key, keys)
    similar = nearest(last, by_last_name)
    return full or (by_last_name[similar] if similar else None)


def nearest(name: str, others: Iterable[str]) -> str | None:
    """The most similar of the other names, or one of the same letters (pdg, pgd); None where none is."""
    others = list(others)
    same_letters = [other for other in others if sorted(other) == sorted(name)]
    return next(iter([*get_close_matches(name, others, 1, SIMILAR), *same_letters]), None)
