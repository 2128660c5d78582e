"""What a config says of its data, without the data: the shape of a sample, the channel statistics."""

from collections.abc import Sequence
from typing import Any

import torch

from bregman_exp.config import ConfigError, ImageArchive, ImageFolder, Mlp, Points, Run
from bregman_exp.data import (
    ARCHIVES,
    COMPUTED,
    Archive,
    Augmentation,
    ClassificationData,
    Split,
    Statistics,
    first_image,
)

Normalization = str | Statistics | None

COLOUR_IMAGE = (3, 32, 32)  # where the config does not say it
ON_THE_LINE = ("hill", "twin_hills")


def archive_of(run: Run) -> Archive | None:
    """The archive that the data are read from; None for other data."""
    return ARCHIVES[_function(run)] if isinstance(run.dataset, ImageArchive) else None


def likely_shape(run: Run) -> Sequence[int]:
    """The shape of a sample, as far as the config says it; what is missing is chosen so that a model fits."""
    dataset, archive = run.dataset, archive_of(run)
    if archive is not None:
        return archive.shape
    if isinstance(dataset, Points):
        return (1,) if _function(run) in ON_THE_LINE else (2,)
    if isinstance(dataset, ImageFolder) and dataset.size is not None:
        return (dataset.channels or 3, dataset.size, dataset.size)
    if isinstance(run.model, Mlp):
        return run.model.hidden[:1] or (2,)
    return (getattr(dataset, "channels", None) or 3, *COLOUR_IMAGE[1:])


def augmentation(run: Run, data: ClassificationData) -> Augmentation | None:
    """The augmentation of the training images; None for points."""
    augment = data.is_image and getattr(run.dataset, "augment", False)
    return Augmentation(flip=getattr(run.dataset, "flip", True)) if augment else None


def black_images(run: Run) -> ClassificationData:
    """A batch of black images with the shape and classes of the run's data, which are not read."""
    shape, classes, normalize = (
        COLOUR_IMAGE,
        tuple(map(str, range(10))),
        getattr(run.dataset, "normalize", None),
    )
    archive = archive_of(run)
    if archive is not None:
        shape, classes, normalize = archive.shape, tuple(map(str, range(archive.num_classes))), archive.name
    if isinstance(run.dataset, ImageFolder):
        image, classes = first_image(run.dataset.root, run.dataset.size, run.dataset.channels)
        shape = image.shape
    if normalize == COMPUTED:
        normalize = Statistics((0.5,) * shape[0], (0.5,) * shape[0])
    n = run.trainer.batch_size
    batch = Split(
        torch.zeros((n, *shape), dtype=torch.uint8), torch.arange(n) % len(classes), torch.arange(n)
    )
    return ClassificationData(run.dataset.name, "", classes, batch, batch, batch, normalize, "")


def normalization_of(run: Run) -> Normalization:
    """The channel statistics of the model's first layer, or their name, from the config of a stored run.

    Raises ConfigError where they were computed and the config does not hold them.
    """
    dataset, archive = run.dataset, archive_of(run)
    if archive is not None:
        return archive.name
    if not isinstance(dataset, ImageFolder) or dataset.normalize != COMPUTED:
        return getattr(dataset, "normalize", None)
    if dataset.statistics is None:
        raise ConfigError(
            "the config has dataset.normalize=computed and no dataset.statistics; bring back the config.yaml "
            "of the run."
        )
    return Statistics(tuple(dataset.statistics.mean), tuple(dataset.statistics.std))


def _function(run: Run) -> str:
    """The name of the function that makes the data."""
    node: Any = run.dataset
    return node._target_.rpartition(".")[2]
