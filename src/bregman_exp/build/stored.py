"""A run that exists: its config, and the network with its trained weights."""

from omegaconf import OmegaConf
from torch import nn
from yaml import YAMLError

from bregman_exp.build.identity import training_identity
from bregman_exp.build.objects import CACHE, model
from bregman_exp.config import (
    ConfigError,
    Run,
    check,
)
from bregman_exp.data import (
    ClassificationData,
)
from bregman_exp.results import RunFolder
from bregman_exp.training import (
    load_weights,
)


def stored_run(folder: RunFolder) -> Run:
    """The checked config of an existing run, wherever its output folder lies now."""
    try:
        plain = OmegaConf.to_container(OmegaConf.load(folder.config))
    except (OSError, YAMLError) as error:
        raise ConfigError(f"{folder.config} cannot be read: {str(error).splitlines()[0]}.") from None
    if not isinstance(plain, dict):
        raise ConfigError(f"{folder.config} is not a config of a run.")
    *_, home = folder.path.absolute().parents[:3]
    output_dir = home if (home / CACHE).is_dir() else folder.path  # of a moved run: its cache stays beside it
    return check({str(key): value for key, value in plain.items()} | {"output_dir": str(output_dir)})


def trained_model(run: Run, data: ClassificationData, folder: RunFolder) -> nn.Module:
    """The network with the trained weights that the run's figures are of, in eval mode."""
    net = model(run, data)
    load_weights(folder.checkpoint(run.weights), net, training_identity(run, data))
    return net.eval()
