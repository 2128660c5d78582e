"""Checkpoints as Lightning writes them: whole, sealed, with the identity of their training."""

import io
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor

from bregman_exp.training.checkpoint import CONFIG, ORIGIN, CheckpointError, Identity, read_checkpoint
from bregman_exp.training.seal import sealed
from bregman_exp.whole_file import write_whole


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes and reads the checkpoints of one training, <folder>/<name>.ckpt.

    A checkpoint is written to a temporary file beside the old one and renamed. It has a seal and the
    ``identity`` of its training; both are checked at every read (older checkpoints may lack them). It also
    has the text of ``config``, from which its network can be made. No other file is written, read or removed,
    whatever path Lightning gives.
    """

    def __init__(self, folder: Path, identity: Identity, config: str = ""):
        self.folder, self.identity = folder, identity
        self.origin = {ORIGIN: dict(identity)} | ({CONFIG: config} if config else {})

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        if _handed_over(Path(path)):
            return super().save_checkpoint(checkpoint, path, storage_options)
        own = self._own(path)
        own.parent.mkdir(parents=True, exist_ok=True)
        archive = io.BytesIO()
        torch.save({**checkpoint, **self.origin}, archive)
        write_whole(own, sealed(archive.getvalue()))

    def load_checkpoint(self, path: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if _handed_over(Path(path)):
            return torch.load(path, map_location="cpu", weights_only=True)
        return read_checkpoint(Path(path), self.identity)

    def remove_checkpoint(self, path: Any) -> None:
        (Path(path) if _handed_over(Path(path)) else self._own(path)).unlink(missing_ok=True)

    def _own(self, path: Any) -> Path:
        """The path, if it is a checkpoint in the folder; raises CheckpointError otherwise."""
        target = Path(path)  # Lightning has resolved links in it
        own = self.folder / target.name
        inside = target.parent.resolve() == self.folder.resolve() and target.suffix == ".ckpt"
        if not inside or own.is_dir():
            raise CheckpointError(f"{path} is not a checkpoint in {self.folder}; it is left alone.")
        for place in (self.folder, own):
            if place.is_symlink():
                raise CheckpointError(f"{place} is a link, and nothing is written through links; remove it.")
        return own


def _handed_over(path: Path) -> bool:
    """Whether it is the temporary file through which a spawned process returns its weights to its parent."""
    return path.name == ".temp.ckpt" and path.parent.parent == Path(gettempdir())


class EpochCheckpoint(ModelCheckpoint):
    """Writes <name>.ckpt at an epoch's end, after validation: a resumed run starts with the next epoch."""

    def __init__(self, folder: Path, name: str, **settings: Any):
        super().__init__(
            dirpath=folder,
            filename=name,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
            **settings,
        )

    def state_dict(self) -> dict[str, Any]:
        """Lightning's, without the paths of this machine, which ``load_state_dict`` puts back."""
        state, name = super().state_dict(), f"{self.filename}.ckpt"
        paths = {key: name for key, path in state.items() if key.endswith("_path") and path}
        kept = dict.fromkeys([name][: len(state["best_k_models"])], *state["best_k_models"].values())
        return state | paths | {"dirpath": "", "best_k_models": kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over the scores of the state. Paths in it are replaced by this callback's own.

        Raises CheckpointError where an entry is missing or of another type.
        """
        own = str(Path(str(self.dirpath)) / f"{self.filename}.ckpt")
        try:
            state = dict(state_dict, dirpath=self.dirpath)
            for key in ("best_model_path", "kth_best_model_path", "last_model_path"):
                state[key] = own if state[key] else ""
            best = _score(state["best_model_score"])
            kept = [_score(score) for score in state["best_k_models"].values()][:1]  # for the single file
            state["best_model_score"], state["best_k_models"] = best, dict.fromkeys([own][: len(kept)], *kept)
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"the last checkpoint has no sound state of {self.filename}.ckpt ({type(error).__name__}: "
                f"{error}); remove it and run the train command again."
            ) from None
        super().load_state_dict(state)


def _score(score: Any) -> Tensor | None:
    if score is not None and not isinstance(score, Tensor):
        raise TypeError(f"{score!r} where a tensor is expected")
    return score
