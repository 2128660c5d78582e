"""The trainer's checkpoints: how they are written, and what is read from them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor, nn

from bregman_exp.training.form import EAGER


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, or of another model."""


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes beside the old checkpoint, then renames: a kill leaves the old one or the new one.

    Lightning's own way goes through the temporary folder, from where another file system needs a copy.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")  # one process writes to a run's folder
        with part.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


class EpochCheckpoint(ModelCheckpoint):
    """<name>.ckpt, written at an epoch's end, after validation: a resumed run starts with the next epoch."""

    def __init__(self, folder: Path, name: str, **which: Any):
        super().__init__(
            dirpath=folder, filename=name, save_on_train_epoch_end=True, enable_version_counter=False, **which
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The state with its paths in today's folder, should the run have been moved since."""
        here = Path(str(self.dirpath))
        moved = dict(state_dict, dirpath=self.dirpath)
        for key in ("best_model_path", "kth_best_model_path", "last_model_path"):
            moved[key] = str(here / Path(moved[key]).name) if moved[key] else ""
        moved["best_k_models"] = {str(here / Path(p).name): s for p, s in moved["best_k_models"].items()}
        super().load_state_dict(moved)


@dataclass(frozen=True)
class TrainingFacts:
    """What a checkpoint says of the training behind it; seconds are the epochs', validation included.

    ``stopped``: early stopping has ended it. ``together``: so many networks were trained as one, and the
    seconds are each one's share. ``form``: how its last epochs computed a step, ``forms``: what was seen of
    each when it was chosen.
    """

    epochs: int
    steps: int
    seconds: float
    stopped: bool
    together: int
    form: str
    forms: list[dict[str, Any]]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The checkpoint's content, on the CPU. Only tensors and plain containers are read, never code.

    Raises CheckpointError, in one sentence, for a file that is missing or not a whole checkpoint.
    """
    if not path.is_file():
        raise CheckpointError(
            f"there is no checkpoint {path}; bring it back, or train the run in a new output_dir."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        kind = type(error).__name__
        raise CheckpointError(
            f"the checkpoint {path} is damaged ({kind}); bring a whole copy or train in a new output_dir."
        ) from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise CheckpointError(f"{path} is not a checkpoint of this program: it has no state_dict.")
    return content


def weights_of(path: Path) -> dict[str, Tensor]:
    """The model's state dict in a checkpoint; CheckpointError where it cannot be read."""
    prefix = "model."
    state = read_checkpoint(path)["state_dict"]
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def load_weights(path: Path, model: nn.Module) -> None:
    """Loads a checkpoint's weights into the model.

    Raises CheckpointError where the file cannot be read or was written by another model.
    """
    try:
        model.load_state_dict(weights_of(path))
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise CheckpointError(f"the checkpoint {path} is of another model: {first}") from None


def training_facts(path: Path) -> TrainingFacts:
    """Epochs, steps and seconds of the training that ended with this checkpoint; CheckpointError as above."""
    content = read_checkpoint(path)
    try:
        stopped = any(state.get("stopped_epoch", 0) > 0 for state in content["callbacks"].values())
        return TrainingFacts(
            content["epoch"] + 1,
            content["global_step"],
            content["train_seconds"],
            stopped,
            content.get("seeds_together", 1),
            _form(content),
            content.get("forms", []),
        )
    except KeyError as error:
        raise CheckpointError(f"{path} is not a checkpoint of a training here: it has no {error}.") from None


def _form(content: dict[str, Any]) -> str:
    """The form's name; checkpoints of before there were names say whether it was compiled."""
    return content.get("form") or ("compiled" if content.get("compiled") else EAGER.name)
