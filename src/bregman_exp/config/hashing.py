"""The hash a run's folder is named by."""

import hashlib
import json
from dataclasses import MISSING, fields
from typing import Any

from bregman_exp.config.schema import Run

TRAINING_KEYS = ("max_epochs", "batch_size", "precision", "patience", "devices")
DATA_KEYS = ("augment", "normalize")


def config_hash(run: Run, fingerprint: str, *, with_seed: bool = True) -> str:
    """Twelve hex digits over what determines the trained weights.

    The data set counts by its fingerprint and how it is shown to the model, not its path. Attack, logger,
    launcher and paths do not count. A value that equals its default does not count either, so that a key
    which is added later leaves the hashes of earlier runs alone; for this reason a default must never change.
    """
    content = {
        "act": _told(run.act),
        "model": _told(run.model) | {"name": run.model_name},
        "dataset": _told(run.dataset, DATA_KEYS) | {"fingerprint": fingerprint},
        "optim": _told(run.optim),
        "trainer": _told(run.trainer, TRAINING_KEYS),
    }
    if with_seed:
        content["seed"] = run.seed
    return short_hash(content)


def short_hash(content: Any) -> str:
    """Twelve hex digits of the SHA-256 of the canonical JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def _told(node: Any, keys: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The fields (of those named, or all) that differ from their defaults."""
    told = {}
    for f in fields(node):
        default = f.default if f.default_factory is MISSING else f.default_factory()
        if (keys is None or f.name in keys) and getattr(node, f.name) != default:
            told[f.name] = getattr(node, f.name)
    return told
