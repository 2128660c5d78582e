"""The whole config of a run, and the functions that its groups may name."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from omegaconf import OmegaConf

from bregman_exp.config.schema.data import (
    ImageArchive,
    ImageFolder,
    ImageNet,
    PluginData,
    Points,
    Toy,
    TwoSpiral,
)
from bregman_exp.config.schema.evaluation import Attack, Eval
from bregman_exp.config.schema.network import Act, Mlp, PluginMap, PluginModel, Resnet
from bregman_exp.config.schema.objective import SQUARED_ERROR, STANDARD, Training
from bregman_exp.config.schema.require import require, require_folder_name
from bregman_exp.config.schema.training import Logger, Mlflow, Trainer
from bregman_exp.training.optimizer import Optim

PREFIX = {"standard": "", "euclidean": "euclidean_", "bregman": "bregman_"}

# group -> what its ``_target_`` may name -> the schema of its keys. Nothing else is instantiated, so a config
# that came with a stranger's checkpoint cannot run code.
TARGETS: dict[str, dict[str, type]] = {
    "act": {"bregman_exp.geometry.legendre_map": Act},
    "model": {"bregman_exp.models.mlp": Mlp, "bregman_exp.models.resnet": Resnet},
    "dataset": {
        "bregman_exp.data.two_spiral": TwoSpiral,
        "bregman_exp.data.circle": Toy,
        "bregman_exp.data.hill": Toy,
        "bregman_exp.data.twin_hills": Toy,
        "bregman_exp.data.cifar10": ImageArchive,
        "bregman_exp.data.cifar100": ImageArchive,
        "bregman_exp.data.mnist": ImageArchive,
        "bregman_exp.data.fashion_mnist": ImageArchive,
        "bregman_exp.data.svhn": ImageArchive,
        "bregman_exp.data.imagenet": ImageNet,
        "bregman_exp.data.image_folder": ImageFolder,
    },
}


def conf_dir() -> str:
    """The folder of the config files: conf/ of an installed wheel, else of the checkout."""
    package = Path(__file__).parents[2]
    packaged = package / "conf"
    return str(packaged if packaged.is_dir() else package.parents[1] / "conf")


@dataclass
class Run:
    """The whole config of a run."""

    act: Act | PluginMap
    dataset: Points | ImageArchive | ImageFolder | PluginData
    model: Mlp | Resnet | PluginModel
    optim: Optim
    training: Training
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
            f"seed={self.seed}: it must be a whole number ≥ 0; for several seeds give seeds=0..3",
        )
        require(
            self.eval.weights != "ema" or self.trainer.ema is not None,
            "weights=ema: the run keeps no average of its weights; give trainer.ema=0.999",
        )
        require(
            not self.training.is_robust or self.trainer.precision != "16-mixed",
            f"training={self.training.objective} with trainer.precision=16-mixed is not possible, since the "
            "gradients of the inputs underflow; use bf16-mixed",
        )
        require(
            self.training.objective != SQUARED_ERROR or isinstance(self.model, Mlp),
            f"training=squared_error is of a network with one output, and model={self.model.name} has one "
            "for each class; use model=mlp, euclidean_mlp or bregman_mlp",
        )
        require_folder_name("experiment_name", self.experiment_name)
        require(
            isinstance(self.output_dir, str) and bool(self.output_dir),
            f"output_dir={self.output_dir}: it must be the path of a folder",
        )

    @property
    def weights(self) -> str:
        """The weights that are evaluated: last, best or ema."""
        return self.eval.weights or ("last" if self.trainer.patience is None else "best")

    @property
    def of_a_network_alone(self) -> list[str]:
        """The settings given that only the plain trainer has: not stacked seeds, nor captured steps."""
        robust = [f"training={self.training.objective}"] if self.training.is_robust else []
        gradients = ["logger.gradients"] if self.logger.gradients else []
        return [*robust, *self.trainer.of_a_network_alone, *gradients]

    @property
    def model_name(self) -> str:
        """The version and the architecture, e.g. bregman_resnet20."""
        return PREFIX.get(self.model.version, "") + self.model.name

    def to_yaml(self) -> str:
        """The config as YAML that ``check`` accepts, without max_time.

        The path of the data is absolute, because a later command may run in another folder.
        """
        plain = asdict(self)
        if plain["dataset"].get("root"):
            plain["dataset"]["root"] = str(Path(plain["dataset"]["root"]).expanduser().absolute())
        del plain["trainer"]["max_time"]  # a setting of the command, not of the run
        if not plain["trainer"]["callbacks"]:
            del plain["trainer"]["callbacks"]
        if isinstance(self.dataset, ImageArchive | ImageFolder) and self.dataset.flip:
            del plain["dataset"]["flip"]  # as in files of versions that had no other augmentation
        if self.training.objective == STANDARD:  # as in files of versions that had no other training
            del plain["training"]
        return OmegaConf.to_yaml(OmegaConf.create(plain))

    def without_paths(self) -> "Run":
        """The same run as a checkpoint holds it, which is often given away: no path or server."""
        dataset = replace(self.dataset, root="") if hasattr(self.dataset, "root") else self.dataset
        attack, logger = replace(self.attack, source=None), self.logger
        if logger.mlflow is not None:
            logger = replace(logger, mlflow=Mlflow())
        return replace(self, dataset=dataset, output_dir="outputs", attack=attack, logger=logger)
