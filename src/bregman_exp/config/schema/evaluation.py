"""The keys of ``attack`` and ``eval``."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING as REQUIRED

from bregman_exp.config.schema.require import require, require_folder_name

WEIGHTS = ("last", "best", "ema")


@dataclass
class Attack:
    """A suite of attacks.

    norm: only the suite's attacks in linf, or in l2; null: all.
    eps: in place of the suite's: a size in units of data in [0, 1], a fraction such as 8/255, or a list of
    them; of linf unless norm says otherwise.
    steps, restarts: in place of those of the suite's attacks, where they have some.
    samples: how many test samples are attacked; null: all.
    batch_size: how many at a time; null: 250, or up to 2,000 on a GPU if no figure depends on it.
    audit: run every check, with the attacks that the checks need.
    save: keep the adversarial examples, with pictures.
    source: the run folder whose adversarial examples attack=transfer and the audit's transfer use.
    """

    name: str = REQUIRED
    norm: str | None = None
    eps: Any = None
    steps: int | None = None
    restarts: int | None = None
    samples: int | None = None
    batch_size: int | None = None
    audit: bool = False
    save: bool = False
    source: str | None = None
    attacks: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        require_folder_name("attack.name", self.name)
        require(
            self.samples is None or self.samples >= 1,
            f"attack.samples={self.samples}: it must be ≥ 1, or null for the whole test set",
        )
        require(
            self.batch_size is None or self.batch_size >= 1,
            f"attack.batch_size={self.batch_size}: it must be ≥ 1, or null for the default of the device",
        )
        require(
            bool(self.attacks) or self.name == "none",
            f"attack.attacks={self.attacks}: the suite {self.name} has no attack; use attack=none",
        )


@dataclass
class Eval:
    weights: str | None = None  # null: best with early stopping, else last

    def __post_init__(self) -> None:
        valid = self.weights is None or self.weights in WEIGHTS
        require(valid, f"weights={self.weights}: use one of {', '.join(WEIGHTS)}, or null")
