"""Converts a plain container into the typed config. A key that the schema does not have is an error."""

import re
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bregman_exp.config.keys import SCHEMAS, names, unknown_key
from bregman_exp.config.schema.require import ConfigError, require
from bregman_exp.config.schema.run import TARGETS, Run
from bregman_exp.config.schema.training import TRACKERS

FLOAT_FOR_INTEGER = re.compile(r"Value '(.+)' of type 'float' could not be converted to Integer")


def check(plain: dict[str, Any]) -> Run:
    """The typed config; raises ConfigError for the first key or value that is not allowed."""
    plain = dict(plain)
    unknown = [key for key in plain if key not in {f.name for f in fields(Run)}]
    if unknown:
        raise ConfigError(f"{unknown_key(unknown[0])}.")
    plain.setdefault("training", {})  # older config.yaml files have none, which is the standard one
    missing = [f.name for f in fields(Run) if f.name not in plain]
    require(not missing, f"the config lacks {', '.join(missing)}")
    plain["trainer"] = _with_renamed_keys(plain["trainer"])
    plain["logger"] = _with_trackers(plain["logger"])
    groups = {key: check_group(key, schema, plain[key]) for key, schema in SCHEMAS.items()}
    targets = {key: check_group(key, _schema_of_target(key, plain[key]), plain[key]) for key in TARGETS}
    values = {f.name: plain[f.name] for f in fields(Run) if f.name not in groups | targets}
    return Run(**groups, **targets, **values)


def _with_renamed_keys(trainer: Any) -> Any:
    """The trainer with the key ``fast``, which older config.yaml files call ``compile``."""
    if not isinstance(trainer, dict) or "compile" not in trainer or "fast" in trainer:
        return trainer
    form = {None: None, False: False, True: "compiled"}.get(trainer["compile"], trainer["compile"])
    return {key: value for key, value in trainer.items() if key != "compile"} | {"fast": form}


def _with_trackers(logger: Any) -> Any:
    """The logger with a key for its tracker, where older config.yaml files have a ``name``."""
    if not isinstance(logger, dict) or "name" not in logger:
        return logger
    name, others = logger["name"], {key: value for key, value in logger.items() if key != "name"}
    require(name in ("csv", *TRACKERS), f"logger.name={name}: use one of csv, {', '.join(TRACKERS)}")
    return others if name == "csv" else others | {name: {}}


def _schema_of_target(key: str, node: Any) -> type:
    require(isinstance(node, dict), f"{key}={node} is not a config of {key}")
    target, allowed = node.get("_target_"), TARGETS[key]
    require(
        isinstance(target, str) and target in allowed,
        f"{key}._target_={target} is not permitted; it may be {' or '.join(allowed)}{_plugin_hint(target)}",
    )
    return allowed[target]


def _plugin_hint(target: Any) -> str:
    """For a target of another package: how to load it as a plug-in."""
    module = str(target).rpartition(".")[0]
    if not module or module.split(".")[0] == "bregman_exp":
        return ""
    return f"; if it belongs to a plug-in, install that or give plugins=[{module}] on the command line"


def check_group(key: str, schema: type, node: Any) -> Any:
    """One group of a config as an object of its schema; raises ConfigError."""
    require(isinstance(node, dict), f"{key}={node} is not a config of {key}")
    _refuse_unknown(key, schema, node)
    try:
        merged = OmegaConf.merge(OmegaConf.structured(schema), node)
        missing = sorted(OmegaConf.missing_keys(merged))
        if missing:
            raise ConfigError(f"{key}.{missing[0]} is missing; add {key}.{missing[0]}=… to the command.")
        return OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{key}.{error.full_key or '*'}: {_summary(error)}.") from None


def _refuse_unknown(key: str, schema: type, node: dict[str, Any]) -> None:
    allowed = {f.name: f for f in fields(schema)}
    for name, value in node.items():
        if name not in allowed:
            raise ConfigError(f"{unknown_key(f'{key}.{name}', names(schema))}.")
        inner = allowed[name].default_factory
        if inner is not MISSING and is_dataclass(inner) and isinstance(value, dict):
            _refuse_unknown(f"{key}.{name}", inner, value)  # pyright: ignore[reportArgumentType]


def _summary(error: OmegaConfBaseException) -> str:
    """OmegaConf's sentence; of a whole number that was written as 1e3, the number to write."""
    sentence = str(error).splitlines()[0]
    number = FLOAT_FOR_INTEGER.match(sentence)
    if number and float(number[1]).is_integer():
        return f"{number[1]} is no whole number to Hydra; write {int(float(number[1]))}"
    return sentence
