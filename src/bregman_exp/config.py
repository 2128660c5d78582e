"""What a config may say: every key, its type, its range. A key that is not here is an error.

``_target_`` may only name what ``TARGETS`` lists, so a config that came with somebody's checkpoint cannot run
code.
"""

import hashlib
import json
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from typing import Any

from omegaconf import MISSING as REQUIRED
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bregman_exp.training import Optim

PREFIX = {"standard": "", "euclidean": "euclidean_", "bregman": "bregman_"}
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
WEIGHTS = ("last", "best")


class ConfigError(ValueError):
    """A config that is not allowed, told in one sentence."""


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ConfigError(sentence + ".")


# ---- the groups -------------------------------------------------------------------------------------------


@dataclass
class Act:
    _target_: str = REQUIRED
    name: str = REQUIRED
    beta: float | None = None
    alpha: float | None = None
    slope: float | None = None


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
        _require(self.depth >= 1, f"model.depth={self.depth}: an MLP needs at least one hidden layer")
        _require(self.width >= 1, f"model.width={self.width}: it must be ≥ 1")


@dataclass
class Resnet:
    _target_: str = REQUIRED
    name: str = REQUIRED
    version: str = REQUIRED
    depth: int = REQUIRED
    clamp: float | None = 2e-5
    shortcut: str = "pad"

    def __post_init__(self) -> None:
        # the skip of an ordinary ResNet is the identity already
        self.version = "standard" if self.version == "euclidean" else self.version


@dataclass
class Eps:
    """Perturbation sizes that suit a data set, in units of data in [0, 1]; the attack suites refer to them."""

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


@dataclass
class Cifar10:
    _target_: str = REQUIRED
    name: str = REQUIRED
    root: str = REQUIRED
    eps: Eps = field(default_factory=Eps)
    download: bool = True
    n_val: int = 5000
    augment: bool = True


@dataclass
class ImageFolder:
    _target_: str = REQUIRED
    name: str = REQUIRED
    root: str = REQUIRED
    eps: Eps = field(default_factory=Eps)
    n_val: int = 5000
    size: int | None = None
    label: str | None = None
    augment: bool = True


@dataclass
class Attack:
    """A suite: named attacks, the test samples they see (null: all) and how many at a time."""

    name: str = REQUIRED
    samples: int | None = None
    batch_size: int = 250
    attacks: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        _require(
            self.samples is None or self.samples >= 1,
            f"attack.samples={self.samples}: it must be ≥ 1, or null for the whole test set",
        )
        _require(self.batch_size >= 1, f"attack.batch_size={self.batch_size}: it must be ≥ 1")


@dataclass
class Trainer:
    """accelerator, devices, strategy, precision as in Lightning; batch_size is the whole batch of a step."""

    accelerator: str = REQUIRED
    devices: int = 1
    strategy: str = "auto"
    precision: str = "32-true"
    max_epochs: int = REQUIRED
    batch_size: int = REQUIRED
    patience: int | None = None  # epochs without a better validation accuracy before training stops

    def __post_init__(self) -> None:
        _require(self.accelerator in ("cpu", "gpu"), f"trainer.accelerator={self.accelerator}: use cpu or gpu")
        _require(self.devices >= 1, f"trainer.devices={self.devices}: it must be ≥ 1")
        _require(
            self.precision in PRECISIONS, f"trainer.precision={self.precision}: use one of {', '.join(PRECISIONS)}"
        )
        _require(self.max_epochs >= 1, f"trainer.max_epochs={self.max_epochs}: it must be ≥ 1")
        _require(self.batch_size >= 1, f"trainer.batch_size={self.batch_size}: it must be ≥ 1")
        _require(
            self.batch_size % self.devices == 0,
            f"trainer.batch_size={self.batch_size}: it must be a multiple of trainer.devices={self.devices}",
        )
        _require(
            self.patience is None or self.patience >= 1, f"trainer.patience={self.patience}: it must be ≥ 1 or null"
        )


@dataclass
class Logger:
    """metrics.csv is always written; name: csv (nothing more) | wandb | tensorboard."""

    name: str = "csv"
    project: str = "bregman-exp"

    def __post_init__(self) -> None:
        _require(
            self.name in ("csv", "wandb", "tensorboard"), f"logger.name={self.name}: use csv, wandb or tensorboard"
        )


@dataclass
class Eval:
    weights: str = "last"

    def __post_init__(self) -> None:
        _require(self.weights in WEIGHTS, f"weights={self.weights}: use one of {', '.join(WEIGHTS)}")


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

    act: Act
    dataset: TwoSpiral | Cifar10 | ImageFolder
    model: Mlp | Resnet
    optim: Optim
    trainer: Trainer
    attack: Attack
    logger: Logger
    eval: Eval
    seed: int
    experiment_name: str
    output_dir: str

    def __post_init__(self) -> None:
        _require(self.seed >= 0, f"seed={self.seed}: it must be ≥ 0")
        if self.trainer.patience is not None:  # early stopping restores the best weights
            self.eval.weights = "best"

    @property
    def model_name(self) -> str:
        """E.g. bregman_resnet20: the version and the architecture."""
        return PREFIX.get(self.model.version, "") + self.model.name

    def to_yaml(self) -> str:
        """The config as the YAML that ``check`` reads again."""
        return OmegaConf.to_yaml(OmegaConf.create(asdict(self)))


# ---- from a plain container to a checked config -----------------------------------------------------------


def check(plain: dict[str, Any]) -> Run:
    """The typed config; raises ConfigError, in one sentence, for the first thing that is not allowed."""
    plain = dict(plain)
    unknown = [key for key in plain if key not in {f.name for f in fields(Run)}]
    _require(not unknown, f"unknown key {', '.join(unknown)}; a config has {_names(Run)}")
    missing = [f.name for f in fields(Run) if f.name not in plain]
    _require(not missing, f"the config lacks {', '.join(missing)}")
    schemas = {"optim": Optim, "trainer": Trainer, "attack": Attack, "logger": Logger, "eval": Eval}
    groups = {key: check_group(key, schema, plain[key]) for key, schema in schemas.items()}
    targets = {key: check_group(key, _schema_of_target(key, plain[key]), plain[key]) for key in TARGETS}
    values = {f.name: plain[f.name] for f in fields(Run) if f.name not in groups | targets}
    return Run(**groups, **targets, **_plain_values(values))


def _plain_values(values: dict[str, Any]) -> dict[str, Any]:
    seed = values["seed"]
    _require(isinstance(seed, int) and not isinstance(seed, bool), f"seed={seed}: it must be a whole number ≥ 0")
    name = str(values["experiment_name"])
    _require(
        bool(name) and name == name.strip() and "/" not in name and name not in (".", ".."),
        f"experiment_name={name!r}: it names a folder, so it must be one word without '/'",
    )
    return values


def _names(schema: type) -> str:
    return ", ".join(f.name for f in fields(schema) if not f.name.startswith("_"))


def _schema_of_target(key: str, node: Any) -> type:
    _require(isinstance(node, dict), f"{key}={node} is not a config of a {key}")
    target, allowed = node.get("_target_"), TARGETS[key]
    _require(target in allowed, f"{key}._target_={target} is not permitted; it may be {' or '.join(allowed)}")
    return allowed[target]


def check_group(key: str, schema: type, node: Any) -> Any:
    """One group of a config as an object of its schema; raises ConfigError, in one sentence."""
    _require(isinstance(node, dict), f"{key}={node} is not a config of {key}")
    _refuse_unknown(key, schema, node)
    try:
        return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), node))
    except OmegaConfBaseException as error:
        raise ConfigError(f"{key}: {str(error).splitlines()[0]}.") from None


def _refuse_unknown(key: str, schema: type, node: dict[str, Any]) -> None:
    known = {f.name: f for f in fields(schema)}
    for name, value in node.items():
        _require(name in known, f"unknown key {key}.{name}; {key} has {_names(schema)}")
        inner = known[name].default_factory
        if inner is not MISSING and is_dataclass(inner) and isinstance(value, dict):
            _refuse_unknown(f"{key}.{name}", inner, value)  # pyright: ignore[reportArgumentType]


# ---- what a run is called ---------------------------------------------------------------------------------


def config_hash(run: Run, fingerprint: str, *, with_seed: bool = True) -> str:
    """Twelve hex digits over what determines the trained weights.

    The data set counts by its fingerprint and its augmentation, not its path. Attack, logger, devices and
    paths do not count. A value that equals its default does not count either, so that a key which is added
    later leaves the hashes of earlier runs alone; for this reason a default must never change.
    """
    content = {
        "act": _told(run.act),
        "model": _told(run.model) | {"name": run.model_name},
        "dataset": {"fingerprint": fingerprint, "augment": getattr(run.dataset, "augment", False)},
        "optim": _told(run.optim),
        "trainer": {k: v for k, v in _told(run.trainer).items() if k in TRAINING_KEYS},
    }
    if with_seed:
        content["seed"] = run.seed
    return short_hash(content)


TRAINING_KEYS = ("max_epochs", "batch_size", "precision", "patience")


def short_hash(content: Any) -> str:
    """Twelve hex digits of the SHA-256 of the canonical JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def _told(node: Any) -> dict[str, Any]:
    """The fields that differ from their defaults."""
    return {
        f.name: getattr(node, f.name)
        for f in fields(node)
        if f.default_factory is MISSING and getattr(node, f.name) != f.default
        or f.default_factory is not MISSING and getattr(node, f.name) != f.default_factory()
    }
