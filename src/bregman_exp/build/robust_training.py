"""What a training minimises; of a robust one, the adversary of ``robustness`` joined to its objective."""

from dataclasses import replace

import torch.nn.functional as F

from bregman_exp.build.known_data import archive_of
from bregman_exp.config import (
    SQUARED_ERROR,
    TRADES,
    ConfigError,
    ImageArchive,
    ImageFolder,
    Points,
    Run,
    require,
)
from bregman_exp.robustness import Norm, Threat
from bregman_exp.robustness.training_attack import TrainingAttack
from bregman_exp.training.objective import Loss, Objective, PgdAt, Trades, squared_error

# eps where the config has none; of images, the sizes of RobustBench for CIFAR, and in ℓ∞ for ImageNet
OF_IMAGES = {Norm.LINF: 8 / 255, Norm.L2: 0.5}
OF_IMAGENET = {Norm.LINF: 4 / 255, Norm.L2: 0.5}
OF_POINTS = {Norm.LINF: 0.02, Norm.L2: 0.02}
OF_GREY = {"mnist": {Norm.LINF: 0.3, Norm.L2: 2.0}, "fashion_mnist": {Norm.LINF: 0.1, Norm.L2: 1.0}}


def with_threat(run: Run) -> Run:
    """The run with the norm and eps of its training as they are stored: "linf" or "l2", and a number.

    Raises ValueError for a norm or an eps that is not allowed, and where the data set has no usual size.
    """
    settings = run.training
    if not settings.is_robust:
        return run
    eps = settings.eps
    usual = _usual(run) if eps is None else {}
    try:
        norm = Norm(settings.norm)
        threat = Threat.configured(norm, usual.get(norm, eps))
    except ValueError as error:
        raise ConfigError(f"training.{error}") from None
    require(threat.eps > 0, f"training.eps={eps}: it must be > 0; without an adversary use training=standard")
    return replace(run, training=replace(settings, norm=str(norm), eps=float(threat.eps)))


def _usual(run: Run) -> dict[Norm, float]:
    """eps by norm where the config has none; raises ConfigError for a plug-in's data."""
    if run.dataset.name == "imagenet":
        return OF_IMAGENET
    if isinstance(run.dataset, ImageArchive | ImageFolder):
        archive = archive_of(run)
        return OF_GREY.get(archive.name if archive else "", OF_IMAGES)
    if isinstance(run.dataset, Points):
        return OF_POINTS
    raise ConfigError(
        f"training.eps is missing: dataset={run.dataset.name} has no usual size; give training.eps=…."
    )


def loss(run: Run) -> Loss:
    """The loss of clean samples, in training and in validation."""
    return squared_error if run.training.objective == SQUARED_ERROR else F.cross_entropy


def objective(run: Run) -> Objective | None:
    """What the steps of a robust run of ``with_threat`` minimise; None for a training on clean samples."""
    settings = run.training
    if not settings.is_robust:
        return None
    threat = Threat(Norm(settings.norm), settings.eps)
    attack = TrainingAttack(threat, settings.steps, settings.rel_step, run.seed)
    if settings.objective == TRADES:
        return Trades(attack.against_own_answer, attack.still_right, settings.beta)
    return PgdAt(attack.against_labels, attack.still_right)
