"""Where the config files lie."""

from pathlib import Path


def conf_dir() -> str:
    """conf/ inside an installed wheel, else the checkout's."""
    packaged = Path(__file__).parents[1] / "conf"
    return str(packaged if packaged.is_dir() else Path(__file__).parents[3] / "conf")
