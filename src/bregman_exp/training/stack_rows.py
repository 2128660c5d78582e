"""Some of the rows of everything in a stack's checkpoint."""

from typing import Any

from torch import Tensor


def take_rows(content: Any, rows: list[int] | int) -> Any:
    """The content with every tensor (S, …) replaced by ``tensor[rows]``; dicts and lists are entered.

    A tensor without dimensions (Adam's count of steps) belongs to all rows and stays, as numbers do.
    """
    if isinstance(content, Tensor):
        return content[rows] if content.dim() else content
    if isinstance(content, dict):
        return {key: take_rows(value, rows) for key, value in content.items()}
    if isinstance(content, list):
        return [take_rows(value, rows) for value in content]
    return content
