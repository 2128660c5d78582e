"""ImageNet (ILSVRC 2012) from its folders."""

import re
from dataclasses import replace
from pathlib import Path

from bregman_exp.data.dataset import ClassificationData
from bregman_exp.data.image_folder import image_folder

FOLDERS = {"train": "train", "test": "val"}  # the labels of the published test images are secret
WORDNET_ID = re.compile(r"n\d{8}")


def imagenet(
    root: str,
    cache_dir: Path,
    n_val: int | None = 10_000,
    n_train: int | None = None,
    size: int = 64,
    resize: int | None = None,
    channels: int | None = 3,
    label: str | None = None,
    normalize: str | None = "imagenet",
) -> ClassificationData:
    """ImageNet (Russakovsky et al., 2015) as an image folder: root/{train,val}/<WordNet id>/*.JPEG.

    ``val`` is the test set; the validation split is a fixed choice of n_val training images. The shorter side
    is resized to ``resize`` pixels (None: size), and the central square of ``size`` pixels is kept.
    The other arguments, the cache and the errors are those of ``image_folder``. All images are held in
    memory: 1.33 million take 16 GB at size 64 and 200 GB at size 224, and twice that while they are split.

    Shapes: x (n, 3, size, size) uint8. The classes have their names if the folders are the 1,000 of the
    challenge, else their WordNet ids.
    """
    data = image_folder(
        root,
        cache_dir,
        n_val,
        n_train,
        size,
        channels,
        label or "ImageNet",
        normalize,
        shorter=resize or size,
        folders=FOLDERS,
    )
    return replace(data, name="imagenet", classes=class_names(data.classes))


def class_names(folders: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the classes, in the order of their WordNet ids; the folders' own if they are others."""
    if len(folders) != 1000 or not all(map(WORDNET_ID.fullmatch, folders)):
        return folders
    from torchvision.models import ResNet18_Weights  # takes seconds, and other data sets do not need it

    return tuple(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])
