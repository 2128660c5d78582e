"""Checkpoints as they are read: their checks, the weights in them, the record of their training."""

import io
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bregman_exp.training.epoch_lines import LINES, text_in
from bregman_exp.training.form import EAGER
from bregman_exp.training.seal import fault, is_sealed

# The training that a checkpoint belongs to: config_hash and seed, or row_hash and seeds of several together.
Identity = Mapping[str, Any]
ORIGIN = "run"  # the key of the identity in a checkpoint
CONFIG = "config"  # the key of the text of config.yaml
STOPPED = "stopped_epoch"  # the key of early stopping's state
OUT_OF_MEMORY = "allocate memory"  # in torch's RuntimeError: it has no class for this on a CPU


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, of another model or of another run."""


class DamagedCheckpointError(CheckpointError):
    """A file whose checksums do not hold, or which is no checkpoint."""


@dataclass(frozen=True)
class TrainingFacts:
    """The record of a training in its checkpoint.

    seconds: of the epochs, validation included. stopped: whether early stopping has ended it. together: the
    number of networks trained as one; the seconds are each network's share. form: how its last epochs
    computed a step. forms: the trials of all forms (``Tried``). lines: the text of metrics.csv; None in an
    older checkpoint.
    """

    epochs: int
    steps: int
    seconds: float
    stopped: bool
    together: int
    form: str
    forms: list[dict[str, Any]]
    lines: str | None


def read_checkpoint(path: Path, identity: Identity | None = None) -> dict[str, Any]:
    """The checkpoint's content, on the CPU. Only tensors and plain containers are unpickled, never code.

    All checkpoints are read by this function. It first checks the seal or, in a file without one, the CRC-32s
    of the archive.

    Raises DamagedCheckpointError where they do not hold or the file is no checkpoint; CheckpointError where
    the file does not exist or belongs to another training than ``identity``. MemoryError and other OSErrors
    are passed on: they do not mean that the file is damaged.
    """
    content = _content(path)
    if not isinstance(content, dict) or "state_dict" not in content:
        raise CheckpointError(f"{path} is not a checkpoint of this program: it has no state_dict.")
    origin = content.get(ORIGIN)
    if identity is not None and origin is not None and origin != dict(identity):
        raise CheckpointError(
            f"{path} is of {_label(origin)}, where {_label(identity)} is expected; bring the right file "
            "back, or remove this one and run the train command again."
        )
    return content


def _label(identity: Any) -> str:
    """E.g. "config_hash 0123456789ab, seed 3"."""
    items = identity.items() if isinstance(identity, Mapping) else [("an unknown run", identity)]
    return ", ".join(f"{name} {value}" for name, value in items)


def _content(path: Path) -> Any:
    """The content of the file, whose checksums are checked."""
    advice = "bring a whole copy or train in a new output_dir"
    data = _bytes_of(path)
    wrong = fault(data)
    if wrong:
        raise DamagedCheckpointError(f"the checkpoint {path} is damaged ({wrong}); {advice}.")
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # torch raises various errors for files it cannot parse
        if OUT_OF_MEMORY in str(error):
            raise MemoryError(f"{path} does not fit in memory") from error
        kind = type(error).__name__
        if is_sealed(data):  # and the seal holds: the file is as it was written
            raise CheckpointError(
                f"{path} is intact, but torch cannot read it ({kind}); {advice}."
            ) from error
        raise DamagedCheckpointError(f"the checkpoint {path} is damaged ({kind}); {advice}.") from error


def _bytes_of(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a directory, or a pipe, which would block
            raise CheckpointError(f"the checkpoint {path} is not a file; remove it or use a new output_dir.")
        return path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(
            f"there is no checkpoint {path}; bring it back, or train the run in a new output_dir."
        ) from None


def weights_of(path: Path, identity: Identity | None = None) -> dict[str, Tensor]:
    """The model's state dict in a checkpoint; raises as ``read_checkpoint``."""
    prefix = "model."
    state = read_checkpoint(path, identity)["state_dict"]
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def load_weights(path: Path, model: nn.Module, identity: Identity | None = None) -> None:
    """Loads a checkpoint's weights into the model.

    Raises as ``read_checkpoint``, and CheckpointError where the file was written by another model.
    """
    try:
        model.load_state_dict(weights_of(path, identity))
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise CheckpointError(f"the checkpoint {path} is of another model: {first}") from None


def training_facts(path: Path, identity: Identity | None = None) -> TrainingFacts:
    """The record of the training that wrote this checkpoint; raises as ``read_checkpoint``."""
    content = read_checkpoint(path, identity)
    try:
        stopped = any(state.get(STOPPED, 0) > 0 for state in content["callbacks"].values())
        return TrainingFacts(
            content["epoch"] + 1,
            content["global_step"],
            content["train_seconds"],
            stopped,
            content.get("seeds_together", 1),
            _form(content),
            content.get("forms", []),
            text_in(content),
        )
    except KeyError as error:
        raise CheckpointError(f"{path} is not a checkpoint of a training here: it has no {error}.") from None


def without_training_state(content: Mapping[str, Any]) -> dict[str, Any]:
    """The weights and what ``training_facts`` reads, without what only resuming needs."""
    facts = ("epoch", "global_step", "train_seconds", "seeds_together", "form", "compiled", "forms", LINES)
    kept = {key: content[key] for key in ("state_dict", *facts) if key in content}
    callbacks = content.get("callbacks", {})
    return kept | {"callbacks": {name: {STOPPED: state.get(STOPPED, 0)} for name, state in callbacks.items()}}


def _form(content: dict[str, Any]) -> str:
    """The form's name; older checkpoints only say whether it was compiled."""
    return content.get("form") or ("compiled" if content.get("compiled") else EAGER.name)
