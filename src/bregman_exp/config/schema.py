"""What a config may say: every key, its type, its range.

``_target_`` may only name what ``TARGETS`` lists, so a config that came with somebody's checkpoint cannot run
code.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import MISSING as REQUIRED
from omegaconf import OmegaConf

from bregman_exp.training import EAGER, FORM_NAMES, Optim, seconds_of

PREFIX = {"standard": "", "euclidean": "euclidean_", "bregman": "bregman_"}
STRATEGIES = ("auto", "ddp_spawn")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
WEIGHTS = ("last", "best")
MOST_LAYERS, MOST_POINTS = 10_000, 10_000_000


class ConfigError(ValueError):
    """A config that is not allowed, told in one sentence."""


def require(holds: bool, sentence: str) -> None:
    """ConfigError with this sentence (and a full stop) unless it holds."""
    if not holds:
        raise ConfigError(sentence + ".")


def require_word(key: str, name: Any) -> None:
    """ConfigError unless the name can be a part of a folder's name."""
    word = isinstance(name, str) and name == name.strip() and name not in ("", ".", "..") and "/" not in name
    require(word, f"{key}={name!r}: it names a folder, so it must be one word without '/'")


def require_duration(key: str, text: str) -> None:
    """ConfigError unless it is a time such as 00:08:30."""
    try:
        seconds_of(text)
    except ValueError as error:
        raise ConfigError(f"{key}={error}.") from None


# ---- the groups -------------------------------------------------------------------------------------------


@dataclass
class Act:
    _target_: str = REQUIRED
    name: str = REQUIRED
    beta: float | None = None
    alpha: float | None = None
    scale: float | None = None
    slope: float | None = None


@dataclass
class PluginMap:
    """Of a map that a plug-in registers (plugins.py): its schema adds the map's parameters."""

    _target_: str = REQUIRED
    name: str = REQUIRED


@dataclass
class Mlp:
    _target_: str = REQUIRED
    name: str = REQUIRED
    version: str = REQUIRED
    depth: int = REQUIRED
    width: int = REQUIRED
    widths: list[int] | None = None  # any widths; replaces depth × width
    init: str = "random"
    clamp: float | None = 1e-5
    weight_norm: bool = False

    def __post_init__(self) -> None:
        require_word("model.name", self.name)
        require(
            1 <= self.depth <= MOST_LAYERS,
            f"model.depth={self.depth}: an MLP has 1 to {MOST_LAYERS:,} hidden layers",
        )
        require(self.width >= 1, f"model.width={self.width}: it must be ≥ 1")
        require(
            all(isinstance(width, int) for width in self.widths or []),
            f"model.widths={self.widths}: it is a list of whole numbers, e.g. [8,8,2]",
        )
        require(
            self.widths is None or len(self.widths) <= MOST_LAYERS,
            f"model.widths has {len(self.widths or [])} layers: an MLP has at most {MOST_LAYERS:,}",
        )

    @property
    def hidden(self) -> list[int]:
        """The widths of the hidden layers."""
        return [self.width] * self.depth if self.widths is None else self.widths


@dataclass
class Resnet:
    _target_: str = REQUIRED
    name: str = REQUIRED
    version: str = REQUIRED
    depth: int = REQUIRED
    clamp: float | None = 2e-5
    shortcut: str = "pad"

    def __post_init__(self) -> None:
        require_word("model.name", self.name)
        # the skip of an ordinary ResNet is the identity already
        self.version = "standard" if self.version == "euclidean" else self.version


@dataclass
class PluginModel:
    """Of a model that a plug-in registers: its schema adds the function's parameters."""

    _target_: str = REQUIRED
    name: str = REQUIRED
    version: str = "standard"

    def __post_init__(self) -> None:
        require_word("model.name", self.name)

    @property
    def target(self) -> str:
        """The function, as module.name: it tells models of one name apart."""
        return self._target_


@dataclass
class Eps:
    """Perturbation sizes that suit a data set, in units of data in [0, 1]; suites refer to them."""

    linf: list[float] = field(default_factory=list)
    l2: list[float] = field(default_factory=list)
    linf_single_step: list[float] = field(default_factory=list)
    l2_single_step: list[float] = field(default_factory=list)
    linf_curve: list[float] = field(default_factory=list)
    l2_curve: list[float] = field(default_factory=list)


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
            require(n <= MOST_POINTS, f"dataset.{name}={n}: use at most {MOST_POINTS:,} points")


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
    """Of a data set that a plug-in registers: its schema adds the function's parameters."""

    _target_: str = REQUIRED
    name: str = REQUIRED
    eps: Eps = field(default_factory=Eps)


@dataclass
class Attack:
    """A suite: named attacks, the test samples they see (null: all) and how many at a time (null: 250, and
    2,000 on a GPU where no figure depends on it).

    audit: every check, with the attacks it takes; save: keep the adversarial examples, with pictures; source:
    the folder of the run that attack=transfer and the audit's transfer start from.
    """

    name: str = REQUIRED
    samples: int | None = None
    batch_size: int | None = None
    audit: bool = False
    save: bool = False
    source: str | None = None
    attacks: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        require_word("attack.name", self.name)
        require(
            self.samples is None or self.samples >= 1,
            f"attack.samples={self.samples}: it must be ≥ 1, or null for the whole test set",
        )
        require(
            self.batch_size is None or self.batch_size >= 1,
            f"attack.batch_size={self.batch_size}: it must be ≥ 1, or null for what suits the device",
        )
        require(
            bool(self.attacks) or self.name == "none",
            f"attack.attacks={self.attacks}: the suite {self.name} has no attack; use attack=none for none",
        )


@dataclass
class Trainer:
    """accelerator, devices, strategy, precision as in Lightning; batch_size is the whole batch of a step.

    fast: the form of a ResNet's training steps (training/form.py); null: the fastest that holds against the
    plain one when both are tried at the start, false: the plain one.
    sync_batchnorm: several devices normalise by the statistics of the whole batch, as one device does.
    callbacks: Lightning callbacks of one's own, as module.Class; they come from the command line alone.
    max_time: how long the whole command may take, as "HH:MM:SS" or "DD:HH:MM:SS"; null: as long as it takes.
    """

    accelerator: str = REQUIRED
    devices: int = 1
    strategy: str = "auto"
    precision: str = "32-true"
    max_epochs: int = REQUIRED
    batch_size: int = REQUIRED
    patience: int | None = None  # epochs without a better validation accuracy before training stops
    sync_batchnorm: bool = False
    callbacks: list[str] = field(default_factory=list)
    fast: Any = None
    max_time: str | None = None

    def __post_init__(self) -> None:
        self.fast = EAGER.name if self.fast is False else self.fast
        require(
            self.fast is None or self.fast in FORM_NAMES,
            f"trainer.fast={self.fast}: use null, false or one of {', '.join(FORM_NAMES)}",
        )
        if self.max_time is not None:
            require_duration("trainer.max_time", self.max_time)
        require(self.accelerator in ("cpu", "gpu"), f"trainer.accelerator={self.accelerator}: use cpu or gpu")
        require(self.devices >= 1, f"trainer.devices={self.devices}: it must be ≥ 1")
        require(
            self.precision in PRECISIONS,
            f"trainer.precision={self.precision}: use one of {', '.join(PRECISIONS)}",
        )
        require(
            self.precision != "16-mixed" or self.accelerator == "gpu",
            "trainer.precision=16-mixed needs a GPU; use bf16-mixed or 32-true with trainer=cpu",
        )
        require(
            self.strategy in STRATEGIES, f"trainer.strategy={self.strategy}: use {' or '.join(STRATEGIES)}"
        )
        require(
            self.devices == 1
            or self.strategy == "ddp_spawn",  # a subprocess would run the whole command again
            f"trainer.devices={self.devices} with trainer.strategy={self.strategy}: use ddp_spawn",
        )
        require(
            1 <= self.max_epochs < 2**31, f"trainer.max_epochs={self.max_epochs}: it must be ≥ 1 and < 2³¹"
        )
        require(
            1 <= self.batch_size < 2**31, f"trainer.batch_size={self.batch_size}: it must be ≥ 1 and < 2³¹"
        )
        require(
            self.batch_size % self.devices == 0,
            f"trainer.batch_size={self.batch_size}: it must be a multiple of trainer.devices={self.devices}",
        )
        require(
            not self.sync_batchnorm or self.accelerator == "gpu",
            "trainer.sync_batchnorm=true needs GPUs; use trainer.sync_batchnorm=false",
        )
        require(
            self.patience is None or self.patience >= 1,
            f"trainer.patience={self.patience}: it must be ≥ 1 or null",
        )


@dataclass
class Logger:
    """metrics.csv is always written; name: csv (nothing more) | wandb | tensorboard."""

    name: str = "csv"
    project: str = "bregman-exp"

    def __post_init__(self) -> None:
        require(
            self.name in ("csv", "wandb", "tensorboard"),
            f"logger.name={self.name}: use csv, wandb or tensorboard",
        )


@dataclass
class Eval:
    weights: str | None = None  # null: best with early stopping, else last

    def __post_init__(self) -> None:
        known = self.weights is None or self.weights in WEIGHTS
        require(known, f"weights={self.weights}: use one of {', '.join(WEIGHTS)}, or null")


TARGETS: dict[str, dict[str, type]] = {
    "act": {"bregman_exp.geometry.legendre_map": Act},
    "model": {"bregman_exp.models.mlp": Mlp, "bregman_exp.models.resnet": Resnet},
    "dataset": {
        "bregman_exp.data.two_spiral": TwoSpiral,
        "bregman_exp.data.cifar10": Cifar10,
        "bregman_exp.data.image_folder": ImageFolder,
    },
}


@dataclass
class Run:
    """The whole config of a run."""

    act: Act | PluginMap
    dataset: TwoSpiral | Cifar10 | ImageFolder | PluginData
    model: Mlp | Resnet | PluginModel
    optim: Optim
    trainer: Trainer
    attack: Attack
    logger: Logger
    eval: Eval
    seed: int
    experiment_name: str
    output_dir: str

    def __post_init__(self) -> None:
        require(
            isinstance(self.seed, int) and not isinstance(self.seed, bool) and 0 <= self.seed < 2**63,
            f"seed={self.seed}: it must be a whole number ≥ 0; for several give seeds=0..3",
        )
        require_word("experiment_name", self.experiment_name)
        require(
            isinstance(self.output_dir, str) and bool(self.output_dir),
            f"output_dir={self.output_dir}: it must be the path of a folder",
        )

    @property
    def weights(self) -> str:
        """Which weights the figures are of: last or best."""
        return self.eval.weights or ("last" if self.trainer.patience is None else "best")

    @property
    def model_name(self) -> str:
        """E.g. bregman_resnet20: the version and the architecture."""
        return PREFIX.get(self.model.version, "") + self.model.name

    def to_yaml(self) -> str:
        """The config as the YAML that ``check`` reads again, less how long the command may take.

        The path of the data is absolute in it: a later command may be given elsewhere.
        """
        plain = asdict(self)
        if "root" in plain["dataset"]:
            plain["dataset"]["root"] = str(Path(plain["dataset"]["root"]).expanduser().absolute())
        del plain["trainer"]["max_time"]  # the command's, not the run's
        if not plain["trainer"]["callbacks"]:
            del plain["trainer"]["callbacks"]
        return OmegaConf.to_yaml(OmegaConf.create(plain))
