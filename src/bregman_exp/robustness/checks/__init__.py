"""Checks for what usually makes a robust accuracy wrong.

docs/checks.md says what a failure of each check means and what to do.
"""

CHECKS = (
    "inputs-in-box",
    "logits-not-probabilities",
    "eval-mode",
    "determinism",
    "batch-independence",
    "state-unchanged",
    "same-answers",
    "fresh-copy",
    "continuity",
    "attack-ended",
    "points-in-threat",
    "exact-undecided",
    "zero-gradient-ce",
    "zero-gradient-margin",
    "gradient-is-slope",
    "loss-still-rising",
    "order",
    "falls-with-eps",
    "zero-eps",
    "huge-eps",
    "more-steps",
    "losses-agree",
    "float64",
    "gradient-free",
    "hard-label",
    "straight-through",
    "dual-form",
    "transfer",
)
