"""From a checked config to the objects of a run: map, data, network; the one place of ``instantiate``."""

from collections.abc import Sequence
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from torch import nn

from bregman_exp.config import Act, ConfigError, ImageFolder, Mlp, PluginModel, Resnet, Run
from bregman_exp.data import ClassificationData, Split, first_image
from bregman_exp.geometry import Activation
from bregman_exp.keyed_random import generator
from bregman_exp.memory import installed_memory

CIFAR_SHAPE = (3, 32, 32)
CACHE = ".cache"  # below the output folder: decoded images


def _called(node: Any, **settings: Any) -> Any:
    """What the node's ``_target_`` names (config.TARGETS has permitted it), called with these settings."""
    return instantiate({"_target_": node._target_, "_partial_": True})(**settings)


def _settings(node: Any) -> dict[str, Any]:
    """What the node says to the function that its ``_target_`` names."""
    taken = ("_target_", "name", "eps", *(("version",) if isinstance(node, PluginModel) else ()))
    return {key: value for key, value in asdict(node).items() if key not in taken}


def activation(run: Run) -> Activation:
    """The Legendre map (or plain activation) of ``act``."""
    given = {key: value for key, value in _settings(run.act).items() if value is not None}
    which = {"name": run.act.name} if isinstance(run.act, Act) else {}
    return _called(run.act, **which, **given)


def dataset(run: Run) -> ClassificationData:
    """The data set; an image folder is decoded once into a cache below the output folder."""
    settings = _settings(run.dataset)
    settings.pop("augment", None)  # the loader's
    if isinstance(run.dataset, ImageFolder):
        settings["cache_dir"] = Path(run.output_dir) / CACHE
    return _called(run.dataset, **settings)


def glance(run: Run) -> ClassificationData:
    """A batch of black images in the shape and classes of the run's data, without reading these."""
    shape, classes = CIFAR_SHAPE, tuple(map(str, range(10)))
    if isinstance(run.dataset, ImageFolder):
        image, classes = first_image(run.dataset.root, run.dataset.size)
        shape = image.shape
    n = run.trainer.batch_size
    batch = Split(
        torch.zeros((n, *shape), dtype=torch.uint8), torch.arange(n) % len(classes), torch.arange(n)
    )
    normalize = getattr(run.dataset, "normalize", "cifar10")
    return ClassificationData(run.dataset.name, "", classes, batch, batch, batch, normalize, "")


def check_model(run: Run, act: Activation) -> None:
    """Raises what ``model`` would raise of the config alone, without data or memory.

    That is also ConfigError where the parameters do not fit in this machine's memory. A plug-in's model is
    made for its data alone.
    """
    if isinstance(run.model, PluginModel):
        return
    with torch.device("meta"):
        net = _network(run, act, (2,), num_classes=2, normalize=getattr(run.dataset, "normalize", None))
    needed = sum(p.numel() * p.element_size() for p in net.parameters())
    memory = installed_memory()
    if needed > memory:
        raise ConfigError(
            f"model={run.model.name} has {needed / 2**30:.0f} GiB of parameters and this machine "
            f"{memory / 2**30:.0f} GiB of memory; make it smaller."
        )


def model(run: Run, act: Activation, data: ClassificationData) -> nn.Module:
    """The network with its initial weights, which follow from the seed alone."""
    if isinstance(run.model, Resnet) and not data.is_image:
        raise ConfigError(f"model={run.model.name} needs images; dataset={run.dataset.name} has points.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator(run.seed, "init").initial_seed())
        return _network(run, act, data.train.x.shape[1:], data.num_classes, data.normalize)


def _network(
    run: Run, act: Activation, in_shape: Sequence[int], num_classes: int, normalize: str | None
) -> nn.Module:
    settings = {"act": act, "num_classes": num_classes, **_settings(run.model)}
    if isinstance(run.model, Mlp):
        del settings["depth"], settings["width"]
        settings |= {"widths": run.model.hidden, "in_features": prod(in_shape)}
    else:
        settings["normalize"] = normalize
    if isinstance(run.model, PluginModel):
        settings["in_shape"] = torch.Size(in_shape)
    return _called(run.model, **settings)


def device(run: Run) -> torch.device:
    """The device that the run trains and is attacked on."""
    return torch.device("cuda" if run.trainer.accelerator == "gpu" else "cpu")


def half(run: Run) -> torch.dtype | None:
    """The type of ``trainer.precision`` beside float32, None for float32 alone."""
    return torch.bfloat16 if run.trainer.precision == "bf16-mixed" else None
