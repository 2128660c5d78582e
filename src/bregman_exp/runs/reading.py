"""Files of a run folder, which may be anybody's: read whole and within bounds, or refused in one sentence."""

import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic_core import from_json

from bregman_exp.terminal import shown

LARGEST_CONFIG = 100_000  # bytes; a config.yaml of this program has 2,000
LARGEST_TEXT = 50_000_000  # bytes, of metrics.json, failure.json or metrics.csv
LARGEST_ARRAYS = 2**30  # bytes when unpacked
# a pipe that nobody writes to would be waited for; Windows knows no such pipes, and has text files
READ_ONLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
PLAIN = b"\n" + bytes(set(range(32, 127)) - set(b"\\"))  # a file of these has no control character to show
DEEPEST = 20  # levels of lists and mappings
PLAIN_YAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DATE, FLOAT = "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:float"
# a number that PyYAML alone takes for text
EXPONENT = re.compile(r"[-+]?\d[\d_]*(\.[\d_]*)?[eE][-+]?\d+$")


class NotARunError(ValueError):
    """The path does not hold a run, or a file of it is not what this program writes."""


class ConfigLoader(PLAIN_YAML):
    """Reads scalars as OmegaConf does (1e-5 is a number, 2020-01-01 is text), in a twentieth of its time."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {  # noqa: RUF012
        first: [
            *([(FLOAT, EXPONENT)] if first in "-+0123456789" else []),
            *(r for r in kinds if r[0] != DATE),
        ]
        for first, kinds in PLAIN_YAML.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) < len(keys):
            raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)} stands in it twice")
        return super().construct_mapping(node, deep=deep)


def read_bytes(path: Path, largest: int = LARGEST_TEXT) -> bytes:
    """The file's content. Raises NotARunError for what is no file, such as a pipe, and for a file too large.

    OSError goes up as it is: a file that may not be read is not a damaged one.
    """
    handle = os.open(path, READ_ONLY)
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise NotARunError(f"{path} is no file; remove it.")
        if about.st_size > largest:
            raise NotARunError(
                f"{path} has {about.st_size:,} bytes, at most {largest:,} are read; remove it."
            )
        return file.read()


def read_text(path: Path, largest: int = LARGEST_TEXT) -> str:
    """The file's text; NotARunError also where it is not UTF-8."""
    try:
        return read_bytes(path, largest).decode()
    except UnicodeDecodeError:
        raise NotARunError(f"{path} is damaged: it is not UTF-8.") from None


def read_json(path: Path, fault: Callable[[Any], str]) -> Any:
    """The file's content, of which ``fault`` says what is wrong, or ""; control characters are then shown.

    Raises NotARunError, in a sentence, also where it is no JSON or too deep.
    """
    written, content = read_bytes(path), None
    try:
        content = from_json(written)  # in half of the time of Python's json
        wrong = fault(content)
    except (ValueError, RecursionError):
        wrong = "is damaged"
    if wrong:
        raise NotARunError(f"{path} {wrong}; remove it and run the same command again.")
    return with_control_characters_shown(content) if written.translate(None, PLAIN) else content


def read_config(path: Path) -> dict[str, Any]:
    """A stored config.yaml as plain containers, as they are: what of it is printed has to be ``shown``."""
    return parsed_config(path, read_text(path, LARGEST_CONFIG))


def parsed_config(path: Path, text: str) -> dict[str, Any]:
    """The same from the file's text.

    Raises NotARunError for what is no YAML mapping and for what no resolved config has: aliases (a few bytes
    can stand for gigabytes), interpolations (they would read this machine's environment), many levels, tags,
    the same key twice.
    """
    try:
        _check_events(path, text)
        content = yaml.load(text, ConfigLoader)
    except NotARunError:
        raise
    except Exception as error:  # the parser has no error of its own for all that may be wrong
        raise NotARunError(f"{path} is damaged: {_first_line(error)}.") from None
    if not isinstance(content, dict):
        raise NotARunError(f"{path} is not a config of a run.")
    return {str(key): value for key, value in content.items()}


def read_arrays(path: Path, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, all or those of these names; NotARunError where it is damaged or too large
    once unpacked."""
    try:
        with np.load(io.BytesIO(read_bytes(path, LARGEST_ARRAYS)), allow_pickle=False) as file:
            size = sum(member.file_size for member in file.zip.infolist())
            if size > LARGEST_ARRAYS:
                raise NotARunError(f"{path} unpacks to {size:,} bytes, at most {LARGEST_ARRAYS:,} are read.")
            return {name: file[name] for name in file.files if names is None or name in names}
    except NotARunError:
        raise
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError):
        raise NotARunError(f"{path} is damaged.") from None


def with_control_characters_shown(content: Any) -> Any:
    """The same containers with every string, also every key, as ``shown``."""
    if isinstance(content, dict):
        return {
            with_control_characters_shown(k): with_control_characters_shown(v) for k, v in content.items()
        }
    if isinstance(content, list):
        return [with_control_characters_shown(value) for value in content]
    return shown(content) if isinstance(content, str) else content


def _check_events(path: Path, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=PLAIN_YAML):
        if isinstance(event, yaml.AliasEvent):
            raise NotARunError(f"{path} has a YAML alias; a stored config has none.")
        if getattr(event, "tag", None) is not None:
            raise NotARunError(f"{path} has the YAML tag {shown(event.tag)}; a stored config has none.")
        if "${" in getattr(event, "value", ""):
            raise NotARunError(
                f"{path} has {shown(event.value)}; a stored config has values, not references."
            )
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise NotARunError(f"{path} has more than {DEEPEST} levels; a stored config has five.")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
