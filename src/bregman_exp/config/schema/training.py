"""The keys of ``trainer`` and ``logger``."""

from dataclasses import dataclass, field, fields
from typing import Any

from omegaconf import MISSING as REQUIRED

from bregman_exp.config.schema.require import require, require_duration
from bregman_exp.training.form import EAGER, FORM_NAMES

STRATEGIES = ("auto", "ddp_spawn")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
PROFILERS = ("simple", "pytorch")
OF_A_NETWORK_ALONE = (  # what only the plain trainer does
    *("limit_train_batches", "gradient_clip_val", "accumulate_grad_batches", "profiler", "ema"),
)
TRACKERS = ("wandb", "tensorboard", "mlflow")


@dataclass
class Trainer:
    """accelerator, devices, strategy and precision as in Lightning.

    batch_size: the batch of a step, over all devices.
    patience: epochs without a better validation accuracy before training stops; null: never.
    fast: the form of a ResNet's training steps (training/form.py); false: the plain form; null: the fastest
    form that agrees with the plain one on a batch at the start.
    sync_batchnorm: several devices normalise by the statistics of the whole batch, as a single device does.
    callbacks: the user's own Lightning callbacks, as module.Class; only the command line may give them.
    max_time: how long the whole command may take, as "HH:MM:SS" or "DD:HH:MM:SS"; null: no limit.
    fast_dev_run: one batch of training, one of validation and a tiny evaluation, in a temporary folder.
    limit_train_batches: the first batches of every epoch: a number, or a fraction of them; null: all.
    gradient_clip_val: the largest ℓ2 norm of a step's gradient, over all parameters; null: no limit.
    accumulate_grad_batches: batches of an optimizer step, whose gradients are averaged over all samples.
    profiler: where the time of training goes, in the run's folder: simple or pytorch; null: not measured.
    ema: the decay of an average of the weights (training/ema.py), for eval.weights=ema; null: none.
    """

    accelerator: str = REQUIRED
    devices: int = 1
    strategy: str = "auto"
    precision: str = "32-true"
    max_epochs: int = REQUIRED
    batch_size: int = REQUIRED
    patience: int | None = None
    sync_batchnorm: bool = False
    callbacks: list[str] = field(default_factory=list)
    fast: Any = None
    max_time: str | None = None
    fast_dev_run: bool = False
    limit_train_batches: Any = None
    gradient_clip_val: float | None = None
    accumulate_grad_batches: int = 1
    profiler: str | None = None
    ema: float | None = None

    def __post_init__(self) -> None:
        self.fast = EAGER.name if self.fast is False else self.fast
        if isinstance(self.limit_train_batches, float) and self.limit_train_batches == 1.0:
            self.limit_train_batches = None
        self._check_device()
        self._check_training()
        self._check_steps()

    @property
    def of_a_network_alone(self) -> list[str]:
        """The settings that differ from their defaults and that seeds trained together do not have."""
        defaults = {field.name: field.default for field in fields(self) if field.name in OF_A_NETWORK_ALONE}
        return [f"trainer.{name}" for name, default in defaults.items() if getattr(self, name) != default]

    def limited(self, batches: int) -> int:
        """How many of an epoch's batches are trained on."""
        limit = self.limit_train_batches
        if limit is None:
            return batches
        return max(1, int(batches * limit)) if isinstance(limit, float) else min(batches, limit)

    def _check_device(self) -> None:
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
        # Other strategies start a subprocess, which would run the whole command again.
        require(
            self.devices == 1 or self.strategy == "ddp_spawn",
            f"trainer.devices={self.devices} with trainer.strategy={self.strategy}: use ddp_spawn",
        )
        require(
            not self.sync_batchnorm or self.accelerator == "gpu",
            "trainer.sync_batchnorm=true needs GPUs; use trainer.sync_batchnorm=false",
        )

    def _check_training(self) -> None:
        require(
            self.fast is None or self.fast in FORM_NAMES,
            f"trainer.fast={self.fast}: use null, false or one of {', '.join(FORM_NAMES)}",
        )
        if self.max_time is not None:
            require_duration("trainer.max_time", self.max_time)
        for name in ("max_epochs", "batch_size"):
            value = getattr(self, name)
            require(1 <= value < 2**31, f"trainer.{name}={value}: it must be ≥ 1 and < 2³¹")
        require(
            self.batch_size % self.devices == 0,
            f"trainer.batch_size={self.batch_size}: it must be a multiple of trainer.devices={self.devices}",
        )
        require(
            self.patience is None or self.patience >= 1,
            f"trainer.patience={self.patience}: it must be ≥ 1 or null",
        )

    def _check_steps(self) -> None:
        limit = self.limit_train_batches
        number = isinstance(limit, int) and not isinstance(limit, bool) and limit >= 1
        require(
            limit is None or number or (isinstance(limit, float) and 0 < limit < 1),
            f"trainer.limit_train_batches={limit}: give a number of batches ≥ 1, a fraction such as 0.25, or "
            "null for all",
        )
        require(
            self.accumulate_grad_batches >= 1,
            f"trainer.accumulate_grad_batches={self.accumulate_grad_batches}: it must be ≥ 1",
        )
        clip = self.gradient_clip_val
        require(
            clip is None or 0 < clip < float("inf"),
            f"trainer.gradient_clip_val={clip}: it must be > 0, or null for no clipping",
        )
        require(
            clip is None or self.precision != "16-mixed",
            "trainer.gradient_clip_val with trainer.precision=16-mixed is not possible; use bf16-mixed",
        )
        require(
            self.profiler is None or self.profiler in PROFILERS,
            f"trainer.profiler={self.profiler}: use {' or '.join(PROFILERS)}, or null",
        )
        require(
            self.ema is None or 0 < self.ema < 1,
            f"trainer.ema={self.ema}: the decay must lie between 0 and 1, or be null for no average",
        )


@dataclass
class Wandb:
    """entity: the team; null: the user's default."""

    entity: str | None = None


@dataclass
class TensorBoard:
    """TensorBoard has no settings."""


@dataclass
class Mlflow:
    """uri: of the tracking server; null: the folder mlruns in output_dir."""

    uri: str | None = None


@dataclass
class Logger:
    """metrics.csv is always written; each tracker whose key is not null gets the run, too.

    project: in W&B; in MLflow, the experiment. tags: beside those that follow from the run. pictures: give
    the trackers pictures of the run at its end. gradients: once an epoch, the norm of the gradient by layer,
    to the trackers and to gradients.csv.
    """

    project: str = "bregman-exp"
    tags: list[str] = field(default_factory=list)
    pictures: bool = False
    gradients: bool = False
    wandb: Wandb | None = None
    tensorboard: TensorBoard | None = None
    mlflow: Mlflow | None = None

    @property
    def trackers(self) -> list[str]:
        """The names of the trackers, in the order of their keys."""
        return [name for name in TRACKERS if getattr(self, name) is not None]
