"""What is wrong with the words of a command before a job has begun, in one sentence."""

import re
from pathlib import Path

from hydra.errors import OverrideParseException

NOT_A_NAME = re.compile(r"(null|true|false|[-+]?[\d.]+(e[-+]?\d+)?|\{.*\}|)", re.IGNORECASE)
# a search path of 20 lines, and how to see a traceback
CUT = re.compile(r"\n\s*(Config search path|Set the environment variable|See https?://).*", re.DOTALL)


def words_fault(words: list[str], conf: Path) -> str:
    """The sentence on the first word that gives a config group no name, e.g. "logger=null"; "" for none."""
    for word in words:
        group, given, value = word.partition("=")
        if given and group and (conf / group).is_dir() and NOT_A_NAME.fullmatch(value.strip("'\"")):
            names = ", ".join(sorted(file.stem for file in (conf / group).glob("*.yaml")))
            return f"{word}: {group} is chosen by the name of a config; there are {names}."
    return ""


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
