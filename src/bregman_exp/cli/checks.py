"""What is checked before any work, beside the config itself."""

import torch

from bregman_exp.config import Attack, ConfigError
from bregman_exp.data import ClassificationData
from bregman_exp.results import RunFolder


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


def check_same_data(data: ClassificationData, folder: RunFolder) -> None:
    """Raises ConfigError where the data are not those of the run's own figures."""
    if folder.complete and folder.read_metrics()["dataset"]["fingerprint"] != data.fingerprint:
        raise ConfigError(
            f"run={folder.path}: its data set {data.label} has changed since; bring the old one back."
        )
