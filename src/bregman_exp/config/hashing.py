"""The hash a run's folder is named by."""

import hashlib
import json
from dataclasses import MISSING, fields
from typing import Any

from bregman_exp.config.schema import Mlp, PluginModel, Run

TRAINING_KEYS = ("max_epochs", "batch_size", "precision", "patience", "devices", "callbacks")
NORMALISED = ("sync_batchnorm",)  # what acts only where there is batch normalisation
DATA_KEYS = ("augment", "normalize")
# keys that act only with one value of another key: (group, key of the value, value) -> keys
ONLY_WITH = {
    ("model", "version", "bregman"): ("clamp",),
    ("optim", "optimizer", "sgd"): ("momentum", "nesterov"),
    ("optim", "schedule", "multistep"): ("milestones", "gamma"),
}


def config_hash(run: Run, act: str, fingerprint: str, *, with_seed: bool = True) -> str:
    """Twelve hex digits over what determines the trained weights.

    ``act`` is the map's label, ``fingerprint`` the data's. The data count by that and by how the model sees
    them, not by their path. Attack, logger, launcher, paths, and keys that do nothing here (the momentum
    of Adam) do not count. A value that equals its default does not count either, so that a key which is added
    later leaves the hashes of earlier runs alone; for this reason a default must never change.
    """
    normalised = () if isinstance(run.model, Mlp) else NORMALISED
    content: dict[str, Any] = {
        "act": act,
        "model": {**_changed(run, "model"), "name": run.model_name},
        "dataset": _changed(run, "dataset", DATA_KEYS) | {"fingerprint": fingerprint},
        "optim": _changed(run, "optim"),
        "trainer": _changed(run, "trainer", TRAINING_KEYS + normalised),
    }
    if isinstance(run.model, Mlp):
        content["model"] |= {"widths": run.model.hidden, "depth": None, "width": None}
    if isinstance(run.model, PluginModel):
        content["model"] |= {"target": run.model.target}
    if with_seed:
        content["seed"] = run.seed
    return short_hash(content)


def short_hash(content: Any) -> str:
    """Twelve hex digits of the SHA-256 of the canonical JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def _changed(run: Run, group: str, keys: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The fields of a group (those named, or all) that act and differ from their defaults."""
    node, changed = getattr(run, group), dict[str, Any]()
    idle = {
        key
        for (where, switch, value), switched in ONLY_WITH.items()
        for key in switched
        if where == group and getattr(node, switch) != value
    }
    for f in fields(node):
        default = f.default if f.default_factory is MISSING else f.default_factory()
        counts = keys is None or f.name in keys
        if counts and f.name not in idle | {"_target_"} and getattr(node, f.name) != default:
            changed[f.name] = getattr(node, f.name)
    return changed
