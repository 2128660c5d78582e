"""A robust training: the adversary, of ``robustness``, joined to the objective, of ``training``."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bregman_exp.config import TRADES, Cifar10, ConfigError, ImageFolder, Run, TwoSpiral, require
from bregman_exp.robustness import Norm, Threat
from bregman_exp.robustness.threat import as_number
from bregman_exp.robustness.training_attack import TrainingAttack
from bregman_exp.training.objective import Objective, PgdAt, Trades

# eps where the config has none; of images, the sizes of RobustBench
OF_IMAGES = {Norm.LINF: 8 / 255, Norm.L2: 0.5}
OF_TWO_SPIRAL = {Norm.LINF: 0.02, Norm.L2: 0.02}
USUAL: dict[type, dict[Norm, float]] = {Cifar10: OF_IMAGES, ImageFolder: OF_IMAGES, TwoSpiral: OF_TWO_SPIRAL}


def with_threat(run: Run) -> Run:
    """The run with the norm and eps of its training as they are stored: "linf" or "l2", and a number.

    Raises ValueError for a norm or an eps that is not allowed, and where the data set has no usual size.
    """
    settings = run.training
    if not settings.is_robust:
        return run
    norm, eps = _in_training(Norm, settings.norm), settings.eps
    if eps is None:
        usual = USUAL.get(type(run.dataset))
        if usual is None:
            raise ConfigError(
                f"training.eps is missing: dataset={run.dataset.name} has no usual size; give training.eps=…."
            )
        eps = usual[norm]
    size = float(_in_training(as_number, eps))
    require(
        0 < size < float("inf"),
        f"training.eps={eps}: it must be > 0; without an adversary use training=standard",
    )
    return replace(run, training=replace(settings, norm=str(norm), eps=size))


def _in_training(of: Callable[[Any], Any], value: Any) -> Any:
    """``of(value)``, with the whole key in the sentence of its ValueError."""
    try:
        return of(value)
    except ValueError as error:
        raise ConfigError(f"training.{error}") from None


def objective(run: Run) -> Objective | None:
    """What the run's steps minimise, for a run of ``with_threat``; None for the standard cross-entropy."""
    settings = run.training
    if not settings.is_robust:
        return None
    threat = Threat(Norm(settings.norm), settings.eps)
    attack = TrainingAttack(threat, settings.steps, settings.rel_step, run.seed)
    if settings.objective == TRADES:
        return Trades(attack.against_own_answer, attack.still_right, settings.beta)
    return PgdAt(attack.against_labels, attack.still_right)
