"""Checks of whether the attacked model is one model: the same state and the same answers at all times."""

from collections.abc import Sequence

from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.witness import Witness, asked_again

OTHERWISE = 0.01  # the share of noted rows that may get another answer


def state_checks(witness: Witness, run: Sequence[Robustness], ids: tuple[str, ...]) -> list[Check]:
    """state-unchanged, same-answers: over everything that was ``run``, probes too."""
    witness.look()
    asked, otherwise = asked_again(witness.model, witness.copy, witness.first.kept)
    asked += sum(entry.asked for entry in run)
    otherwise += sum(entry.otherwise for entry in run)
    share = otherwise / max(asked, 1)
    return [
        Check.at_most("state-unchanged", ids, float(len(witness.changed)), 0.0),
        Check.at_most("same-answers", ids, share, share_limit(OTHERWISE, max(asked, 1))),
    ]
