"""What is checked before any work, beside the config itself."""

import torch

from bregman_exp.config import Attack, ConfigError
from bregman_exp.data import ClassificationData


def check_device(accelerator: str, devices: int) -> None:
    """Raises ConfigError where more GPUs are asked for than there are."""
    if accelerator == "gpu" and torch.cuda.device_count() < devices:
        there = torch.cuda.device_count()
        raise ConfigError(f"trainer asks for {devices} GPU(s) and torch sees {there} here; use trainer=cpu.")


def check_samples(attack: Attack, data: ClassificationData) -> None:
    """Raises ConfigError where more test samples are asked for than there are."""
    n = len(data.test.y)
    if attack.samples is not None and attack.samples > n:
        raise ConfigError(f"attack.samples={attack.samples}: the test set has {n}; use null for all of it.")
