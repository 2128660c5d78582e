"""What a command varied, as a part of the name of a run's folder."""

import re
from collections.abc import Iterable, Iterator

from bregman_exp.config import TRAINING_KEYS
from bregman_exp.runs.record import start_name

LONGEST = 60  # characters
IN_PARENT_FOLDER = ("model", "act", "dataset", "model.name", "model.version", "dataset.name")
OF_NO_WEIGHTS = ("dataset.root", "dataset.label", "dataset.download", "dataset.eps")
OTHER_CHARACTERS = re.compile(r"[^\w.+]+", re.ASCII)


def varied(overrides: Iterable[str], version: str) -> str:
    """E.g. "depth30-zero_start-lr0.05", of model.depth=30 model.init=deterministic optim.lr=0.05.

    Only overrides that change the trained weights count. "" where there are none.
    """
    label = ""
    for part in _parts(overrides, version):
        longer = f"{label}-{part}" if label else part
        if len(longer) > LONGEST:  # the hash tells the folders apart
            break
        label = longer
    return label


def _parts(overrides: Iterable[str], version: str) -> Iterator[str]:
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        text = OTHER_CHARACTERS.sub("-", value).strip("-")
        group, _, name = key.partition(".")
        if (key, text) == ("training", "standard"):
            continue
        if key in ("optim", "training"):
            yield text
        elif key == "model.init":
            yield start_name(value, version).replace(" ", "_")
        elif _changes_weights(group, name, key):
            joint = "_" if text[:1].isalpha() else ""
            yield f"{name.rpartition('.')[2]}{joint}{text}"


def _changes_weights(group: str, name: str, key: str) -> bool:
    if key.startswith(OF_NO_WEIGHTS) or key in IN_PARENT_FOLDER:
        return False
    return group in ("model", "dataset", "optim", "training") or (
        group == "trainer" and name in TRAINING_KEYS
    )
