"""Libraries of attacks, which an evaluation without them does not need."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec


def require_package(name: str) -> None:
    """Raises ValueError, with the command that mends it, where the package is not installed."""
    if find_spec(name) is None:
        raise ValueError(f"this attack needs the package {name}, which is not installed; pip install {name}.")


def version_of(name: str) -> str:
    """E.g. "torch 2.15.0"; of a package that is not installed its name alone."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name
