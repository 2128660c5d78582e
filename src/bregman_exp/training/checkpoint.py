"""Reading the trainer's checkpoints."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, or of another model."""


@dataclass(frozen=True)
class TrainingFacts:
    """What a checkpoint says of the training behind it; seconds are the epochs', validation included."""

    epochs: int
    steps: int
    seconds: float


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The checkpoint's content, on the CPU. Only tensors and plain containers are read, never code.

    Raises CheckpointError, in one sentence, for a file that is missing or not a whole checkpoint.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}; train the run first.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        kind = type(error).__name__
        raise CheckpointError(f"the checkpoint {path} is damaged ({kind}); train the run again.") from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise CheckpointError(f"{path} is not a checkpoint of this program: it has no state_dict.")
    return content


def load_weights(path: Path, model: nn.Module) -> None:
    """Loads a checkpoint's weights into the model.

    Raises CheckpointError where the file cannot be read or was written by another model.
    """
    prefix = "model."
    state = read_checkpoint(path)["state_dict"]
    state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise CheckpointError(f"the checkpoint {path} is of another model: {first}") from None


def training_facts(path: Path) -> TrainingFacts:
    """Epochs, steps and seconds of the training that ended with this checkpoint."""
    content = read_checkpoint(path)
    return TrainingFacts(content["epoch"] + 1, content["global_step"], content["train_seconds"])
