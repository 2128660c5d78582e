"""A run's config.yaml, as flat keys."""

from typing import Any

from bregman_exp.results.reading import read_config, with_control_characters_shown
from bregman_exp.results.run_folder import RunFolder

StoredConfig = dict[str, Any]


def stored_config(run: RunFolder) -> StoredConfig:
    """E.g. {"optim.lr": 0.01, "model.widths": None, "seed": 3}; NotARunError as ``read_config``."""
    content = with_control_characters_shown(read_config(run.config))
    groups = {key: value if isinstance(value, dict) else None for key, value in content.items()}
    flat = {str(key): content[key] for key, group in groups.items() if group is None}
    return flat | {
        f"{key}.{name}": value for key, group in groups.items() for name, value in (group or {}).items()
    }
