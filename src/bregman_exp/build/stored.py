"""A run that exists: its config, and the network with its trained weights."""

from torch import nn

from bregman_exp.build.objects import CACHE, model
from bregman_exp.config import (
    Run,
    check,
)
from bregman_exp.data import (
    ClassificationData,
)
from bregman_exp.results import RunFolder, read_config
from bregman_exp.training import (
    load_weights,
)


def stored_run(folder: RunFolder) -> Run:
    """The checked config of an existing run, wherever its output folder lies now.

    Raises ValueErrors, in one sentence, for a file that is no config of this program.
    """
    plain = read_config(folder.config)
    *_, home = folder.path.absolute().parents[:3]
    output_dir = home if (home / CACHE).is_dir() else folder.path  # of a moved run: its cache stays beside it
    return check({str(key): value for key, value in plain.items()} | {"output_dir": str(output_dir)})


def trained_model(run: Run, data: ClassificationData, folder: RunFolder) -> nn.Module:
    """The network with the trained weights that the run's figures are of, in eval mode."""
    net = model(run, data)
    load_weights(folder.checkpoint(run.weights), net)
    return net.eval()
