"""The data of an epoch, as Lightning asks for it."""

from collections.abc import Callable, Iterable

import pytorch_lightning as pl
import torch

# (epoch, device, rank, world size) -> batches (x, y) on that device
LoadEpoch = Callable[[int, torch.device, int, int], Iterable]


class Epochs(pl.LightningDataModule):
    """Hands Lightning a new loader for every epoch (``reload_dataloaders_every_n_epochs=1``).

    What an epoch holds follows from its number alone, so a resumed run sees what an uninterrupted one sees.
    """

    def __init__(self, train: LoadEpoch, val: LoadEpoch):
        super().__init__()
        self._train, self._val = train, val

    def train_dataloader(self) -> Iterable:
        return self._load(self._train)

    def val_dataloader(self) -> Iterable:
        return self._load(self._val)

    def _load(self, loader: LoadEpoch) -> Iterable:
        trainer = self.trainer
        assert trainer is not None
        return loader(
            trainer.current_epoch, trainer.strategy.root_device, trainer.global_rank, trainer.world_size
        )
