"""What is wrong with a command's overrides before a job begins, in one sentence."""

import re
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob
from hydra.errors import HydraException, OverrideParseException

from bregman_exp.config import ConfigError

# Hydra's search path of 20 lines, and its advice on tracebacks
CUT = re.compile(r"\n\s*(Config search path|Set the environment variable|See https?://).*", re.DOTALL)


def check_group_overrides(arguments: list[str], conf: Path) -> None:
    """Raises ConfigError for an argument that sets a config group to no name, e.g. "logger=null"."""
    for argument in arguments:
        group, value, _ = argument.partition("=")
        if value and group and (conf / group).is_dir() and not _are_names(_parsed_value(argument)):
            names = ", ".join(sorted(file.stem for file in (conf / group).glob("*.yaml")))
            raise ConfigError(f"{argument}: {group} is chosen by the name of a config; there are {names}.")


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
        return (
            f"{error.override} cannot be read: a value with other characters than ASCII letters, digits and "
            "/ - . _ must stand between two kinds of quotes, 'key=\"value\"'."
        )
    text = CUT.sub("", f"{error}\n{error.__cause__ or ''}")
    text = text.replace("\n\t", ", ").replace(":, ", ": ")  # Hydra's list of choices
    lines = dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())
    return "; ".join(lines).rstrip(".;:") + "."
