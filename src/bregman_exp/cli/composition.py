"""What is wrong with the words of a command before a job has begun, in one sentence."""

import re
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob
from hydra.errors import HydraException, OverrideParseException

# a search path of 20 lines, and how to see a traceback
CUT = re.compile(r"\n\s*(Config search path|Set the environment variable|See https?://).*", re.DOTALL)


def words_fault(words: list[str], conf: Path) -> str:
    """The sentence on the first word that gives a config group no name, e.g. "logger=null"; "" for none."""
    for word in words:
        group, given, _ = word.partition("=")
        if given and group and (conf / group).is_dir() and not _names(_value(word)):
            names = ", ".join(sorted(file.stem for file in (conf / group).glob("*.yaml")))
            return f"{word}: {group} is chosen by the name of a config; there are {names}."
    return ""


def _value(word: str) -> Any:
    """What the word gives; a name, where Hydra will say itself that it cannot be read."""
    try:
        return OverridesParser.create().parse_override(word).value()
    except HydraException:
        return word


def _names(value: Any) -> bool:
    """Whether these are names of configs: one, a list of them or a sweep over them."""
    if isinstance(value, ChoiceSweep):
        value = value.list
    if isinstance(value, list):
        return bool(value) and all(map(_names, value))
    return isinstance(value, Glob) or (isinstance(value, str) and bool(value))


def in_one_sentence(error: Exception) -> str:
    """What Hydra or OmegaConf says of words that make no config, in one line."""
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override} cannot be read: a value with more than letters of ASCII, digits and / - . _ "
            "has to stand between two kinds of quotes, 'key=\"value\"'."
        )
    text = CUT.sub("", f"{error}\n{error.__cause__ or ''}")
    text = text.replace("\n\t", ", ").replace(":, ", ": ")  # Hydra's list of choices
    lines = dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())
    return "; ".join(lines).rstrip(".;:") + "."
