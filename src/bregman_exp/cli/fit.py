"""One call of Lightning's trainer: from the last checkpoint or from the start, and how it may end."""

from pathlib import Path

import pytorch_lightning as pl
from torch.multiprocessing.spawn import ProcessRaisedException

from bregman_exp import build
from bregman_exp.cli.command import log
from bregman_exp.results import RunFolder
from bregman_exp.training import (
    CheckpointError,
    Classifier,
    Epochs,
    NonFiniteLossError,
    SideBySide,
    training_facts,
    without_advice,
)


def fit(trainer: pl.Trainer, classifier: Classifier | SideBySide, epochs: Epochs, last: Path) -> None:
    """Trains to the end, from the checkpoint ``last`` if it is there.

    Raises NonFiniteLossError, also one of a spawned process, and KeyboardInterrupt.
    """
    try:
        with without_advice():
            trainer.fit(classifier, epochs, ckpt_path=last if last.exists() else None, weights_only=True)
    except SystemExit:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from None
    except ProcessRaisedException as error:  # a spawned process's, with its traceback for a message
        raise NonFiniteLossError.told_in(str(error)) or error from None
    finally:
        build.finish_loggers(trainer)


def set_damaged_checkpoint_aside(folder: RunFolder) -> None:
    """Renames a last checkpoint that cannot be read, and says so: training starts again."""
    last = folder.checkpoint("last")
    try:
        _ = last.exists() and training_facts(last)
    except CheckpointError as error:
        log.info("%s Training starts again; the file is kept as %s.damaged.", error, last.name)
        last.replace(last.with_name(f"{last.name}.damaged"))
