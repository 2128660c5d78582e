"""The keys of ``act`` and ``model``."""

from dataclasses import dataclass

from omegaconf import MISSING as REQUIRED

from bregman_exp.config.schema.require import require, require_folder_name

MAX_LAYERS = 10_000


@dataclass
class Act:
    _target_: str = REQUIRED
    name: str = REQUIRED
    beta: float | None = None
    alpha: float | None = None
    scale: float | None = None
    slope: float | None = None
    learn: str | None = None  # network | layer | channel: each has parameters of its own, and learns them


@dataclass
class PluginMap:
    """The base of the schema of a plug-in's map, to which ``plugins.py`` adds the map's parameters."""

    _target_: str = REQUIRED
    name: str = REQUIRED


@dataclass
class Mlp:
    _target_: str = REQUIRED
    name: str = REQUIRED
    version: str = REQUIRED
    depth: int = REQUIRED
    width: int = REQUIRED
    widths: list[int] | None = None  # replaces depth × width
    init: str = "random"
    clamp: float | None = 1e-5
    weight_norm: bool = False

    def __post_init__(self) -> None:
        require_folder_name("model.name", self.name)
        require(
            1 <= self.depth <= MAX_LAYERS,
            f"model.depth={self.depth}: an MLP has 1 to {MAX_LAYERS:,} hidden layers",
        )
        require(self.width >= 1, f"model.width={self.width}: it must be ≥ 1")
        require(
            all(isinstance(width, int) for width in self.widths or []),
            f"model.widths={self.widths}: it must be a list of whole numbers, e.g. [8,8,2]",
        )
        require(
            self.widths is None or len(self.widths) <= MAX_LAYERS,
            f"model.widths has {len(self.widths or [])} layers: an MLP has at most {MAX_LAYERS:,}",
        )

    @property
    def hidden(self) -> list[int]:
        """The widths of the hidden layers."""
        return [self.width] * self.depth if self.widths is None else self.widths


@dataclass
class Resnet:
    """The settings of ``models.resnet``. stem: null in the ImageNet family: chosen by the size of images."""

    _target_: str = REQUIRED
    name: str = REQUIRED
    version: str = REQUIRED
    depth: int = REQUIRED
    clamp: float | None = 2e-5
    shortcut: str = "pad"
    stem: str | None = None
    skips: int = 1
    groups: int = 1
    width_per_group: int = 64
    norm: str = "batch"

    def __post_init__(self) -> None:
        require_folder_name("model.name", self.name)
        # The skip of a standard ResNet is already the identity.
        self.version = "standard" if self.version == "euclidean" else self.version


@dataclass
class PluginModel:
    """The base of the schema of a plug-in's model, to which the function's parameters are added."""

    _target_: str = REQUIRED
    name: str = REQUIRED
    version: str = "standard"

    def __post_init__(self) -> None:
        require_folder_name("model.name", self.name)

    @property
    def target(self) -> str:
        """The function as module.name, which distinguishes models of the same name."""
        return self._target_
