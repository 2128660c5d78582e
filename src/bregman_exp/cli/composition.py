"""What is wrong with a command's overrides before a job begins, in one sentence."""

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob
from hydra.errors import HydraException, OverrideParseException

from bregman_exp.config import GROUPS, ConfigError, nearest, typed_keys, unknown_key

# Hydra's search path of 20 lines, and its advice on tracebacks
CUT = re.compile(r"\n\s*(Config search path|Set the environment variable|See https?://).*", re.DOTALL)
NO_KEY = re.compile(r"Could not override '([^']+)'")
NO_CHOICE = re.compile(r"Could not find '([^']+)/([^'/]+)'(?:; Available options in '[^']*': (.*))?")
NO_GROUP = re.compile(r"You must specify '([^']+)', e\.g, .*?; Available options: (.*)")
OF_ATTACKS = ("norm", "eps", "steps", "restarts")
FOLLOWING = {"recipe": "dataset and optim", "scaled": "experiment and scale"}  # group -> what chooses in it
LIST_OR_MAPPING = ("[", "{")


def without_aliases(arguments: Iterable[str]) -> list[str]:
    """The same arguments with "attack.eps=" for "eps=", likewise norm, steps and restarts."""
    return [f"attack.{a}" if a.partition("=")[0] in OF_ATTACKS and "=" in a else a for a in arguments]


def check_overrides(arguments: Sequence[str], conf: Path) -> None:
    """Raises ConfigError, in one sentence, for an override that Hydra would take for something else.

    That is an unknown key, which it would advise to append, a config group set to no name ("logger=null"),
    and a text that it reads as a number ("experiment_name=2020_01" is 202001). Raises it also for arguments
    that contradict one another.
    """
    _check_contradictions(arguments)
    groups = [folder.name for folder in conf.iterdir() if folder.is_dir()]
    types = typed_keys()
    for argument in arguments:
        key, is_override, text = argument.partition("=")
        key = key.lstrip("+")
        if key in groups and text and not _are_names(_parsed_value(argument)):
            names = ", ".join(sorted(file.stem for file in (conf / key).glob("*.yaml")))
            raise ConfigError(f"{argument}: {key} is chosen by the name of a config; there are {names}.")
        if is_override and types.get(key) in (str, str | None):
            _check_text(key, text, _parsed_value(argument))
        if is_override and key.isidentifier() and key not in (*groups, *GROUPS, *types, "hydra"):
            raise ConfigError(f"{unknown_key(key)}.")


def _check_contradictions(arguments: Sequence[str]) -> None:
    """Raises ConfigError for arguments of which one would silently win over the other, or do nothing."""
    given = {argument.partition("=")[0]: argument for argument in arguments}
    for key, argument in given.items():
        if choosing := FOLLOWING.get(key.lstrip("+~")):
            raise ConfigError(f"{argument}: {key} follows from {choosing}; give the settings themselves.")
    if "scale" in given and "experiment" not in given:
        raise ConfigError(
            f"{given['scale']} is the short version of an experiment; give experiment=…, or leave it out."
        )
    if "row" in given and "model" in given:
        raise ConfigError(
            f"{given['row']} has a model already; leave out {given['model']}, or give model= and act= alone."
        )


def _check_text(key: str, text: str, value: Any) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool) and str(value) != text:
        raise ConfigError(
            f"{key}={text} is read as the number {value}; for the text write {_quoted(key, text)}."
        )


def _quoted(key: str, text: str) -> str:
    """The override as a shell and Hydra read it as text: 'key="text"'."""
    escaped = text.strip("\"'").replace('"', '\\"')
    return shlex.quote(f'{key}="{escaped}"')


def with_added_keys(arguments: list[str]) -> list[str]:
    """The same arguments, with ++ before the keys of models in a sweep over models, rows or experiments.

    There Hydra reads the command once without a model, where such a key does not exist yet. ``check`` sees
    whether the model has the key.
    """
    swept = {
        key
        for key, value in (argument.split("=", 1) for argument in arguments if "=" in argument)
        if key in ("model", "row", "experiment") and "," in value
    }
    if not swept:
        return arguments
    return [f"++{argument}" if argument.startswith("model.") else argument for argument in arguments]


def _parsed_value(override: str) -> Any:
    """The value of an override; the override itself where Hydra will report that it cannot be parsed."""
    try:
        return OverridesParser.create().parse_override(override).value()
    except HydraException:
        return override


def _are_names(value: Any) -> bool:
    """Whether the value is a config's name, a list of names or a sweep over them."""
    if isinstance(value, ChoiceSweep):
        value = value.list
    if isinstance(value, list):
        return bool(value) and all(map(_are_names, value))
    return isinstance(value, Glob) or (isinstance(value, str) and bool(value))


def composition_message(error: Exception) -> str:
    """An error of Hydra or OmegaConf while it composed a config, in one line."""
    if isinstance(error, OverrideParseException):
        return _parse_message(error.override)
    text = CUT.sub("", f"{error}\n{error.__cause__ or ''}")
    text = text.replace("\n\t", ", ").replace(":, ", ": ")  # Hydra's list of choices
    lines = dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())
    sentence = "; ".join(lines).rstrip(".;:")
    return f"{_in_our_words(sentence)}."


def _in_our_words(sentence: str) -> str:
    if match := NO_KEY.search(sentence):
        return _no_key(match[1])
    if choice := NO_CHOICE.search(sentence):
        group, name, others = choice[1], choice[2], choice[3] or "none"
        like = nearest(name, others.split(", "))
        meant = f" did you mean {like}?" if like else ""
        return f"{group}={name}: there is no such {group};{meant} there are {others}"
    if group := NO_GROUP.search(sentence):
        return f"{group[1]}= is missing; choose one of {group[2]}"
    return sentence


def _no_key(key: str) -> str:
    group = key.partition(".")[0]
    if key in typed_keys() and group != key:
        return f"{key} is not a key of the chosen {group}; --cfg job prints those that it has"
    if key in (*typed_keys(), *GROUPS):
        return f"{key} is not a key of this command; --help lists those that it has"
    return unknown_key(key)


def _parse_message(override: str) -> str:
    key, _, text = override.partition("=")
    if text.startswith(LIST_OR_MAPPING):
        return f"{override} cannot be read as a list or mapping; see to its brackets, commas and quotes."
    return (
        f"{override} cannot be read: characters other than ASCII letters, digits and / - . _ need two "
        f"kinds of quotes; write {_quoted(key, text)}."
    )
