"""What rows are called: by model and activation, and by what tells them from their namesakes."""

from collections.abc import Sequence
from typing import Any

from bregman_exp.results.stored_config import StoredConfig
from bregman_exp.results.table.rows import Row

GROUPS = ("act", "dataset", "model", "optim", "trainer")
NO_DIFFERENCE = ("act.name", "model.name", "model.version", "dataset.root", "trainer.accelerator")


def base_name(model: str, act: str, config: StoredConfig) -> str:
    """E.g. "bregman_resnet20 (tanh)"; of an MLP also "depth 3, random": what its figures hang on."""
    shape = [f"depth {config['model.depth']}"] if "model.depth" in config else []
    if config.get("model.widths") is not None:
        shape = [f"widths {config['model.widths']}"]
    start = [str(config["model.init"])] if "model.init" in config else []
    return ", ".join([f"{model} ({act})", *((*shape, *start) if start else ())])


def row_names(rows: Sequence[Row]) -> list[str]:
    """A name for each, all different."""
    names = [base_name(row.first.record["model"], row.first.record["act"], row.config) for row in rows]
    namesakes = [[other for other, n in zip(rows, names, strict=True) if n == name] for name in names]
    full = [
        ", ".join([name, *_apart(row, others)])
        for name, row, others in zip(names, rows, namesakes, strict=True)
    ]
    hashes = [row.first.record["row_hash"] for row in rows]
    return [
        f"{name}, row {hash_[: _told_apart_by(hashes)]}" if full.count(name) > 1 else name
        for name, hash_ in zip(full, hashes, strict=True)
    ]


def _apart(row: Row, namesakes: Sequence[Row]) -> list[str]:
    """E.g. ["optim.lr 0.1", "best weights"]."""
    told = [
        f"{key} {_shown(row.config.get(key))}"
        for key in dict.fromkeys(key for other in namesakes for key in other.config)
        if key.split(".")[0] in GROUPS
        and key not in NO_DIFFERENCE
        and any(other.config.get(key) != row.config.get(key) for other in namesakes)
    ]
    weights = row.first.record["weights"]
    differ = any(other.first.record["weights"] != weights for other in namesakes)
    return told + ([f"{weights} weights"] if differ else [])


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)


def _told_apart_by(hashes: Sequence[str]) -> int:
    """How many digits of the hashes tell them apart, at least four."""
    longest = max(map(len, hashes))
    digits = range(4, longest + 1)
    return next((n for n in digits if len({h[:n] for h in hashes}) == len(set(hashes))), longest)
