"""Lightning's advice that does not concern us."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager

NOT_FOR_US = (
    "The number of training batches",  # smaller than the logging interval: we log once an epoch
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",  # between Lightning and torch
    r"`LightningModule.configure_optimizers` returned `None`",  # networks side by side step theirs themselves
    "This instance was constructed with capturable=True",  # it is not captured yet
    "The `srun` command is available",  # under SLURM a run is a process like any other
    "GPU available but not used",  # trainer=cpu was asked for
    "Checkpoint directory .* exists and is not empty",  # a resumed run
    r"The '\w+_dataloader' does not have many workers",  # batches are made on the device
)


@contextmanager
def without_advice() -> Generator[None]:
    """Hides these warnings of Lightning; all others are shown."""
    with warnings.catch_warnings():
        for message in NOT_FOR_US:
            warnings.filterwarnings("ignore", message)
        yield
