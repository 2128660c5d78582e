"""A run's config.yaml, as flat keys."""

from typing import Any

from omegaconf import OmegaConf

from bregman_exp.results.run_folder import NotARunError, RunFolder

StoredConfig = dict[str, Any]


def stored_config(run: RunFolder) -> StoredConfig:
    """E.g. {"optim.lr": 0.01, "model.widths": None, "seed": 3}; NotARunError where the file is damaged."""
    try:
        content: Any = OmegaConf.to_container(OmegaConf.load(run.config))
        groups = {key: value if isinstance(value, dict) else None for key, value in content.items()}
    except Exception as error:  # the parser has no error of its own for all that may be wrong
        raise NotARunError(f"{run.config} is damaged: {str(error).splitlines()[0]}.") from None
    flat = {str(key): content[key] for key, group in groups.items() if group is None}
    return flat | {
        f"{key}.{name}": value for key, group in groups.items() for name, value in (group or {}).items()
    }
