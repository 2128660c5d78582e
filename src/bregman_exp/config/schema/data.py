"""The keys of ``dataset``."""

import math
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING as REQUIRED

from bregman_exp.config.schema.require import require

MAX_POINTS = 10_000_000
CHANNELS = (1, 3)
# named channel statistics -> the channels that they are for
NAMED = {"cifar10": 3, "cifar100": 3, "svhn": 3, "imagenet": 3, "mnist": 1, "fashion_mnist": 1}
NORMALIZE = ("computed", *NAMED)


@dataclass
class Eps:
    """Perturbation sizes for a data set, in units of data in [0, 1] or as "8/255"; suites refer to them."""

    linf: list[Any] = field(default_factory=list)
    l2: list[Any] = field(default_factory=list)
    linf_single_step: list[Any] = field(default_factory=list)
    l2_single_step: list[Any] = field(default_factory=list)
    linf_curve: list[Any] = field(default_factory=list)
    l2_curve: list[Any] = field(default_factory=list)


@dataclass
class Points:
    """Generated points."""

    _target_: str = REQUIRED
    name: str = REQUIRED
    eps: Eps = field(default_factory=Eps)
    n_train: int = 1000
    n_val: int = 500
    n_test: int = 500

    def __post_init__(self) -> None:
        for name in ("n_train", "n_val", "n_test"):
            n = getattr(self, name)
            require(n <= MAX_POINTS, f"dataset.{name}={n}: use at most {MAX_POINTS:,} points")


@dataclass
class Toy(Points):
    """circle, hill, twin_hills"""

    seed: int = 0


@dataclass
class TwoSpiral(Points):
    noise: float = 1.0
    seed: int = 0


@dataclass
class ImageArchive:
    """CIFAR-10, CIFAR-100, MNIST, Fashion-MNIST, SVHN. flip: with augment, images are mirrored, too."""

    _target_: str = REQUIRED
    name: str = REQUIRED
    root: str = REQUIRED
    eps: Eps = field(default_factory=Eps)
    download: bool = True
    n_val: int = 5000
    n_train: int | None = None
    augment: bool = True
    flip: bool = True


@dataclass
class ChannelStatistics:
    """Mean and standard deviation of each channel, for images in [0, 1]."""

    mean: list[float] = REQUIRED
    std: list[float] = REQUIRED

    def __post_init__(self) -> None:
        lengths, finite = {len(self.mean), len(self.std)}, all(map(math.isfinite, [*self.mean, *self.std]))
        require(
            lengths in ({1}, {3}) and finite and min(self.std) > 0,
            f"dataset.statistics: mean={self.mean}, std={self.std}; give 1 or 3 numbers each, every std > 0",
        )


@dataclass
class ImageFolder:
    """The defaults of n_val, channels and normalize are those of older config.yaml files; conf/ has others.

    ``statistics``: those of normalize="computed", which the program writes into config.yaml.
    """

    _target_: str = REQUIRED
    name: str = REQUIRED
    root: str = REQUIRED
    eps: Eps = field(default_factory=Eps)
    n_val: int | None = 5000
    n_train: int | None = None
    size: int | None = None
    channels: int | None = 3
    label: str | None = None
    augment: bool = True
    flip: bool = True
    normalize: str | None = "cifar10"
    statistics: ChannelStatistics | None = None

    def __post_init__(self) -> None:
        require(
            self.channels in (None, *CHANNELS),
            f"dataset.channels={self.channels}: images have 1 or 3; null: 1 if all are grey, else 3",
        )
        require(
            self.normalize in (None, *NORMALIZE),
            f"dataset.normalize={self.normalize} is unknown; use {', '.join(NORMALIZE)} or null",
        )
        of = NAMED.get(self.normalize or "", self.channels)
        require(
            self.channels in (None, of),
            f"dataset.normalize={self.normalize} is for {of} channel{'s' * (of != 1)}, and "
            f"dataset.channels={self.channels}; use computed or null, or dataset.channels={of}",
        )
        require(self.size is None or self.size >= 1, f"dataset.size={self.size}: it must be ≥ 1, or null")


@dataclass
class ImageNet(ImageFolder):
    """resize: of the shorter side, before the central square of ``size`` is kept; null: size."""

    n_val: int | None = 10_000
    size: int | None = 64
    resize: int | None = None
    normalize: str | None = "imagenet"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.size is not None, "dataset.size=null: images of ImageNet differ in size; give a number")
        require(
            self.resize is None or self.size is None or self.resize >= self.size,
            f"dataset.resize={self.resize}: it must be at least dataset.size={self.size}, or null",
        )


@dataclass
class PluginData:
    """The base of the schema of a plug-in's data set, to which the function's parameters are added."""

    _target_: str = REQUIRED
    name: str = REQUIRED
    eps: Eps = field(default_factory=Eps)
