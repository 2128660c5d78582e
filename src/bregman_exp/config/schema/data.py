"""The keys of ``dataset``."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING as REQUIRED

from bregman_exp.config.schema.require import require

MAX_POINTS = 10_000_000


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
class TwoSpiral:
    _target_: str = REQUIRED
    name: str = REQUIRED
    eps: Eps = field(default_factory=Eps)
    n_train: int = 1000
    n_val: int = 500
    n_test: int = 500
    noise: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_train", "n_val", "n_test"):
            n = getattr(self, name)
            require(n <= MAX_POINTS, f"dataset.{name}={n}: use at most {MAX_POINTS:,} points")


@dataclass
class Cifar10:
    _target_: str = REQUIRED
    name: str = REQUIRED
    root: str = REQUIRED
    eps: Eps = field(default_factory=Eps)
    download: bool = True
    n_val: int = 5000
    n_train: int | None = None
    augment: bool = True


@dataclass
class ImageFolder:
    _target_: str = REQUIRED
    name: str = REQUIRED
    root: str = REQUIRED
    eps: Eps = field(default_factory=Eps)
    n_val: int = 5000
    n_train: int | None = None
    size: int | None = None
    label: str | None = None
    augment: bool = True
    normalize: str | None = "cifar10"

    def __post_init__(self) -> None:
        require(self.size is None or self.size >= 1, f"dataset.size={self.size}: it must be ≥ 1, or null")


@dataclass
class PluginData:
    """The base of the schema of a plug-in's data set, to which the function's parameters are added."""

    _target_: str = REQUIRED
    name: str = REQUIRED
    eps: Eps = field(default_factory=Eps)
