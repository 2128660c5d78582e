"""The keys of ``training``: what a training step minimises."""

from dataclasses import dataclass
from typing import Any

from bregman_exp.config.schema.require import require

STANDARD, SQUARED_ERROR, PGD_AT, TRADES = "standard", "squared_error", "pgd_at", "trades"
ROBUST = (PGD_AT, TRADES)
OBJECTIVES = (STANDARD, SQUARED_ERROR, *ROBUST)


@dataclass
class Training:
    """objective: standard, squared_error, pgd_at (Madry et al., 2018) or trades (Zhang et al., 2019).

    squared_error: the regression of the class's value, by an MLP of one output (``training/objective.py``).
    The other keys act only in the latter two. norm and eps: the ball of the adversary; eps in units of data
    in [0, 1] or as "8/255", null: the usual size for the data set (build/robust_training.py). steps: of the
    adversary, each of rel_step · eps. beta: the weight of the divergence in trades.
    """

    objective: str = STANDARD
    norm: str = "linf"
    eps: Any = None
    steps: int = 10
    rel_step: float = 0.25
    beta: float = 6.0

    def __post_init__(self) -> None:
        require(
            self.objective in OBJECTIVES,
            f"training.objective={self.objective}: use one of {', '.join(OBJECTIVES)}",
        )
        require(self.steps >= 1, f"training.steps={self.steps}: it must be ≥ 1")
        require(
            0 < self.rel_step <= 2,
            f"training.rel_step={self.rel_step}: the step over eps must lie in (0, 2]",
        )
        require(
            0 < self.beta < float("inf"),
            f"training.beta={self.beta}: it must be > 0; without the divergence use training=standard",
        )

    @property
    def is_robust(self) -> bool:
        """Whether an adversary takes part in the training."""
        return self.objective in ROBUST

    @property
    def evaluations(self) -> int:
        """Forward passes of an optimizer step, for each sample.

        pgd_at: the adversary's steps, and its points. trades: the answer that the adversary's steps move away
        from, the steps, the clean sample, and the point. Each but that answer has a backward pass.
        """
        return {PGD_AT: self.steps + 1, TRADES: self.steps + 3}.get(self.objective, 1)
