"""The hash in the name of a run's folder."""

import hashlib
import json
from dataclasses import MISSING, asdict, fields
from typing import Any

from bregman_exp.config.schema.network import Mlp, PluginModel
from bregman_exp.config.schema.objective import TRADES
from bregman_exp.config.schema.run import Run

TRAINING_KEYS = (
    *("max_epochs", "batch_size", "precision", "patience", "devices", "callbacks"),
    *("limit_train_batches", "gradient_clip_val", "accumulate_grad_batches", "ema"),
)
BATCHNORM_KEYS = ("sync_batchnorm",)  # they act only in models with batch normalisation
DATA_KEYS = ("augment", "flip", "normalize", "statistics")
# keys that act only with a certain value of another key: (group, other key, value) -> keys
ONLY_WITH = {
    ("dataset", "augment", True): ("flip",),
    ("model", "version", "bregman"): ("clamp",),
    ("optim", "optimizer", "sgd"): ("momentum", "nesterov"),
    ("optim", "schedule", "multistep"): ("milestones", "gamma"),
    ("training", "objective", TRADES): ("beta",),
}


def config_hash(run: Run, act: str, fingerprint: str, *, with_seed: bool = True) -> str:
    """Twelve hex digits over everything that determines the trained weights.

    ``act`` is the label of the map, ``fingerprint`` that of the data. The hash leaves out attack, logger,
    launcher, paths, and keys without effect (the momentum of Adam). It also leaves out a value that equals
    its default, so that a key added later does not change the hashes of earlier runs. A default must
    therefore never change.
    """
    batchnorm_keys = () if isinstance(run.model, Mlp) else BATCHNORM_KEYS
    content: dict[str, Any] = {
        "act": act,
        "model": {**_changed(run, "model"), "name": run.model_name},
        "dataset": _changed(run, "dataset", DATA_KEYS) | {"fingerprint": fingerprint},
        "optim": _changed(run, "optim"),
        "trainer": _changed(run, "trainer", TRAINING_KEYS + batchnorm_keys),
    }
    if isinstance(run.model, Mlp):
        content["model"] |= {"widths": run.model.hidden, "depth": None, "width": None}
    if isinstance(run.model, PluginModel):
        content["model"] |= {"target": run.model.target}
    training = _changed(run, "training", None if run.training.is_robust else ("objective",))
    if training:
        content["training"] = training
    if with_seed:
        content["seed"] = run.seed
    return short_hash(content)


def short_hash(content: Any) -> str:
    """Twelve hex digits of the SHA-256 of the canonical JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def _changed(run: Run, group: str, keys: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The fields of a group (all, or those in ``keys``) that have an effect and differ from the default."""
    node, changed = getattr(run, group), dict[str, Any]()
    plain = asdict(node)
    without_effect = {
        key
        for (of_group, other_key, value), dependent in ONLY_WITH.items()
        for key in dependent
        if of_group == group and getattr(node, other_key, None) != value
    }
    for f in fields(node):
        default = f.default if f.default_factory is MISSING else f.default_factory()
        selected = keys is None or f.name in keys
        if selected and f.name not in without_effect | {"_target_"} and getattr(node, f.name) != default:
            changed[f.name] = plain[f.name]
    return changed
