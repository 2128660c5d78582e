"""Text, JSON and arrays as files that are either whole or not there."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from bregman_exp.whole_file import write_whole


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """What ``write`` writes becomes the file at once, at its end."""
    content = io.BytesIO()
    write(content)
    write_whole(path, content.getvalue())


def write_text(path: Path, text: str) -> None:
    write_whole(path, text.encode())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Indented JSON; NaN and infinities are refused, as they are no JSON."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """A compressed .npz file."""
    write_atomically(path, lambda file: np.savez_compressed(file, **dict(arrays)))  # pyright: ignore
