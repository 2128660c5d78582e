"""From a checked config to the objects of a run: map, data, network. Only this file calls ``instantiate``."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from math import prod
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from torch import nn

from bregman_exp.build.known_data import Normalization, likely_shape
from bregman_exp.config import (
    SQUARED_ERROR,
    Act,
    ChannelStatistics,
    ConfigError,
    ImageFolder,
    Mlp,
    PluginModel,
    Resnet,
    Run,
)
from bregman_exp.data import COMPUTED, ClassificationData, Statistics
from bregman_exp.geometry import Activation
from bregman_exp.keyed_random import generator
from bregman_exp.memory import installed_memory
from bregman_exp.models.architecture import CIFAR_DEPTHS
from bregman_exp.models.input_map import NORMALIZATIONS
from bregman_exp.models.nearest_value import evenly_spaced

SMALL_IMAGE = 64  # pixels to a side, for which the ImageNet stem leaves too few
CACHE = ".cache"  # below the output folder: decoded images


def _call_target(node: Any, **settings: Any) -> Any:
    """Calls the node's ``_target_``, which config.TARGETS permits, with these settings."""
    return instantiate({"_target_": node._target_, "_partial_": True})(**settings)


def _target_settings(node: Any) -> dict[str, Any]:
    """The settings of the node that its ``_target_`` takes."""
    not_taken = ("_target_", "name", "eps", *(("version",) if isinstance(node, PluginModel) else ()))
    return {key: value for key, value in asdict(node).items() if key not in not_taken}


def activation(run: Run) -> Activation:
    """The Legendre map (or plain activation) of ``act``."""
    parameters = {key: value for key, value in _target_settings(run.act).items() if value is not None}
    name = {"name": run.act.name} if isinstance(run.act, Act) else {}
    return _call_target(run.act, **name, **parameters)


def dataset(run: Run) -> ClassificationData:
    """The data set; an image folder is decoded once into a cache below the output folder."""
    settings = _target_settings(run.dataset)
    for of_loader in ("augment", "flip") if hasattr(run.dataset, "augment") else ():
        settings.pop(of_loader, None)
    if isinstance(run.dataset, ImageFolder):
        del settings["statistics"]  # they follow from the images
        settings["cache_dir"] = Path(run.output_dir) / CACHE
    return _call_target(run.dataset, **settings)


def check_model(run: Run, act: Activation) -> None:
    """Builds the network without memory or data; raises as ``model`` where the config is wrong.

    Raises ConfigError where the parameters do not fit in this machine's memory. A plug-in's model is not
    checked, since it needs the data.
    """
    if isinstance(run.model, PluginModel):
        return
    normalize = getattr(run.dataset, "normalize", None)
    normalize = None if normalize == COMPUTED else normalize
    with torch.device("meta"):
        net = network(run, act, likely_shape(run), num_classes=2, normalize=normalize)
    needed = sum(p.numel() * p.element_size() for p in net.parameters())
    memory = installed_memory()
    if needed > memory:
        raise ConfigError(
            f"model={run.model.name} has {needed / 2**30:.0f} GiB of parameters and this machine "
            f"{memory / 2**30:.0f} GiB of memory; make it smaller."
        )


def model(run: Run, act: Activation, data: ClassificationData) -> nn.Module:
    """The network with its initial weights, which depend only on the seed.

    Raises ConfigError for a ResNet on data that are no images, or of other channels than ``normalize``.
    """
    if isinstance(run.model, Resnet) and not data.is_image:
        raise ConfigError(f"model={run.model.name} needs images; dataset={run.dataset.name} has points.")
    if isinstance(run.model, Resnet) and isinstance(data.normalize, str):
        _check_channels(data.normalize, data)
    return network(run, act, data.train.x.shape[1:], data.num_classes, data.normalize)


def _check_channels(normalize: str, data: ClassificationData) -> None:
    of, channels = len(NORMALIZATIONS[normalize][0]), data.train.x.shape[1]
    if channels != of:
        colour = {1: "grey", 3: "in colour"}[channels]
        raise ConfigError(
            f"dataset.normalize={normalize} has {of} channel{'s' * (of != 1)} and the images of {data.label} "
            f"are {colour}; "
            f"use dataset.normalize=computed or null, or dataset.channels={of}."
        )


def with_choices_of(data: ClassificationData, run: Run) -> Run:
    """The run with what its data have decided: the validation split's size, computed statistics, the stem.

    config.yaml names them, so a trained network is built without the data.
    """
    run = with_stem_for(run, data.train.x.shape[1:])
    if not isinstance(run.dataset, ImageFolder):
        return run
    chosen: dict[str, Any] = {"n_val": len(data.val)} if run.dataset.n_val is None else {}
    if isinstance(data.normalize, Statistics):
        chosen["statistics"] = ChannelStatistics(*map(list, data.normalize))
    return replace(run, dataset=replace(run.dataset, **chosen))


def with_stem_for(run: Run, shape: Sequence[int]) -> Run:
    """The run with the stem for samples of this shape, where its ResNet has none and could have both."""
    model = run.model
    if not isinstance(model, Resnet) or model.stem or model.depth in CIFAR_DEPTHS or len(shape) != 3:
        return run
    return replace(run, model=replace(model, stem="cifar" if max(shape[1:]) <= SMALL_IMAGE else "imagenet"))


def network(
    run: Run, act: Activation, in_shape: Sequence[int], num_classes: int, normalize: Normalization
) -> nn.Module:
    """The same for samples of this shape, without the data."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator(run.seed, "init").initial_seed())
        return _call_target(run.model, **_model_settings(run, act, in_shape, num_classes, normalize))


def _model_settings(
    run: Run, act: Activation, in_shape: Sequence[int], num_classes: int, normalize: Normalization
) -> dict[str, Any]:
    settings = {"act": act, "num_classes": num_classes, **_target_settings(run.model)}
    if isinstance(run.model, Mlp):
        del settings["depth"], settings["width"]
        settings |= {"widths": run.model.hidden, "in_features": prod(in_shape)}
        if run.training.objective == SQUARED_ERROR:
            settings["values"] = evenly_spaced(num_classes)
    else:
        settings["normalize"] = normalize
    if isinstance(run.model, Resnet):
        settings["in_channels"] = in_shape[0]
    if isinstance(run.model, PluginModel):
        settings["in_shape"] = torch.Size(in_shape)
    return settings


def device(run: Run) -> torch.device:
    """The device that the run trains and is attacked on."""
    return torch.device("cuda" if run.trainer.accelerator == "gpu" else "cpu")


def check_device(accelerator: str, devices: int) -> None:
    """Raises ConfigError where torch sees fewer GPUs than ``devices``."""
    if accelerator == "gpu" and (available := torch.cuda.device_count()) < devices:
        raise ConfigError(
            f"trainer asks for {devices} GPU(s) and torch sees {available} here; use trainer=cpu."
        )


def half(run: Run) -> torch.dtype | None:
    """The half-precision type of ``trainer.precision``; None for float32 alone."""
    return torch.bfloat16 if run.trainer.precision == "bf16-mixed" else None
