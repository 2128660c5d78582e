"""The errors of a config, and the checks that several groups share."""

from typing import Any

from bregman_exp.training.budget import seconds_of


class ConfigError(ValueError):
    """A config that is not allowed; the message is one sentence."""


def require(condition: bool, sentence: str) -> None:
    """ConfigError with this sentence (and a full stop) unless the condition holds."""
    if not condition:
        raise ConfigError(sentence + ".")


def require_folder_name(key: str, name: Any) -> None:
    """ConfigError unless the name can be a part of a folder's name."""
    valid = isinstance(name, str) and name == name.strip() and name not in ("", ".", "..") and "/" not in name
    require(valid, f"{key}={name!r}: it names a folder, so it must be one word without '/'")


def require_duration(key: str, text: str) -> None:
    """ConfigError unless the text is a time such as 00:08:30."""
    try:
        seconds_of(text)
    except ValueError as error:
        raise ConfigError(f"{key}={error}.") from None
