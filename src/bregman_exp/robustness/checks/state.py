"""Checks of whether the attacked model is one model: the same state and the same answers at all times."""

from collections.abc import Sequence

from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.witness import Witness, asked_again

OTHERWISE = 0.01  # the share of noted rows that may get another answer


def state_checks(witness: Witness, run: Sequence[Robustness], ids: tuple[str, ...]) -> list[Check]:
    """state-unchanged, same-answers: over everything that was ``run``, probes too.

    And fresh-copy, skipped, where a copy of the model was missing from them.
    """
    witness.look()
    asked, otherwise = asked_again(witness.model, witness.copies, witness.first.kept)
    asked += sum(entry.asked for entry in run)
    otherwise += sum(entry.otherwise for entry in run)
    unseen = not witness.first.kept or any(_is_unseen(entry) for entry in run)
    share = 1.0 if unseen else otherwise / max(asked, 1)
    limit = share_limit(OTHERWISE, max(asked, 2))  # a share of 1 fails whatever was asked
    return [
        Check.at_most("state-unchanged", ids, float(len(witness.changed)), 0.0),
        Check.at_most("same-answers", ids, share, limit),
        *([Check.skipped("fresh-copy", ids)] if witness.copies.missing else []),
    ]


def _is_unseen(entry: Robustness) -> bool:
    """Whether samples were attacked and no answer to it was noted: then nothing is known of the answers."""
    attacked = 0 if entry.attacked is None else len(entry.attacked)
    return attacked > 0 and entry.error is None and entry.asked == 0
