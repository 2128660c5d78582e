"""What must be said beside a number whose verdict is not a plain one."""

from collections.abc import Iterable

SAID = {"unreliable": "UNRELIABLE", "degenerate": "degenerate"}


def marks(verdicts: Iterable[str]) -> str:
    """E.g. "UNRELIABLE", "UNRELIABLE degenerate", or "" for reliable and unchecked numbers."""
    there = set(verdicts)
    return " ".join(said for verdict, said in SAID.items() if verdict in there)
