"""The types of the benchmark's options: functions text -> value, for argparse."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path


def some_of(allowed: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """Names from ``allowed``, separated by commas."""

    def names(text: str) -> tuple[str, ...]:
        chosen = tuple(text.split(","))
        unknown = [name for name in chosen if name not in allowed]
        if unknown:
            raise ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(allowed)}")
        return chosen

    return names


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not (text.isdecimal() and int(text) >= 1):
        raise ArgumentTypeError(f"{text}: give a whole number of at least 1")
    return int(text)


def positive(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise ArgumentTypeError(f"{text}: give a number above 0")
    return value


def file(text: str) -> Path:
    """A path that is not a folder."""
    if Path(text).is_dir():
        raise ArgumentTypeError(f"{text} is a folder; name a file in it, such as {Path(text, 'bench.json')}")
    return Path(text)


def image_tree(text: str) -> str:
    """A folder with the folders train and test, whose content is checked when it is read."""
    for split in ("train", "test"):
        if not Path(text, split).is_dir():
            raise ArgumentTypeError(
                f"there is no folder {Path(text, split)}; give one with train/<class>/* and test/<class>/*"
            )
    return text
