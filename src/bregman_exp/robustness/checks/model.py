"""Checks of the model: its inputs and outputs before any attack, its state and answers after them."""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.result import Check, Robustness, share_limit
from bregman_exp.robustness.samples import Samples
from bregman_exp.robustness.witness import Witness, repeat_calls

MAX_SAMPLES = 500
REPEATED = 1e-4  # the largest difference of repeated logits
SUMS_TO_ONE = 1e-4
DIFFERING = 0.01  # the share of repeated rows that may get another answer
DRAWS = 256  # random inputs, and random corners of the box, for a constant classifier
ALL_CORNERS = 8  # dimensions up to which all corners are tried


def model_checks(samples: Samples, ids: tuple[str, ...]) -> list[Check]:
    """inputs-in-box, logits-not-probabilities, eval-mode, determinism and batch-independence.

    They use a batch of at most 500 samples.
    """
    index = random_subset(len(samples.y), min(MAX_SAMPLES, samples.batch_size))
    x, y = samples.batch(index)
    logits, again = samples.logits(x, y), samples.logits(x, y)
    outside = max(0.0, -float(x.amin()), float(x.amax()) - 1)
    probabilities = (logits.amin(dim=1) >= 0) & ((logits.sum(dim=1) - 1).abs() < SUMS_TO_ONE)
    training = sum(module.training for module in samples.model.modules())
    difference = float((logits - again).abs().max())
    half = max(1, len(y) // 2)
    alone = samples.logits(x[:half], y[:half])
    by_batch = float((logits[:half] - alone).abs().max() / (1 + logits.abs().max()))
    return [
        Check.at_most("inputs-in-box", ids, outside, 0.0),
        Check.at_most(
            "logits-not-probabilities", ids, float(probabilities.float().mean()), share_limit(0.0, len(y))
        ),
        Check.at_most("eval-mode", ids, float(training), 0.0),
        Check.at_most("determinism", ids, difference, REPEATED),
        Check.at_most("batch-independence", ids, by_batch, REPEATED),
    ]


def random_subset(n: int, most: int) -> Tensor:
    """A fixed random choice of at most ``most`` of n samples: the test set may be sorted by class."""
    return torch.randperm(n, generator=generator(0, "checked-samples"))[:most].sort().values


def is_constant(samples: Samples, predictions: Tensor) -> bool:
    """Whether all predictions are equal: on clean data, on noise in the box, and on its corners."""
    if (predictions != predictions[0]).any():
        return False
    x, _ = samples.batch(torch.tensor([0]))
    random = generator(0, "constant-classifier")
    shape = (DRAWS, *x.shape[1:])
    noise = torch.rand(shape, generator=random)
    corners = torch.randint(0, 2, shape, generator=random)
    if x[0].numel() <= ALL_CORNERS:
        all_corners = list(product((0.0, 1.0), repeat=x[0].numel()))
        corners = torch.tensor(all_corners).view(-1, *x.shape[1:])
    for points in (noise, corners):
        for part in points.to(x).split(samples.batch_size):
            label = predictions[:1].expand(len(part))
            if (samples.predict(part, label) != predictions[0]).any():
                return False
    return True


def state_checks(witness: Witness, run: Sequence[Robustness], ids: tuple[str, ...]) -> list[Check]:
    """state-unchanged and same-answers, over all attacks that were ``run``, probes included.

    Also fresh-copy, as skipped, if a copy of the model was missing.
    """
    witness.compare_state()
    repeated, differing = repeat_calls(witness.model, witness.copies, witness.clean.kept)
    repeated += sum(entry.repeated for entry in run)
    differing += sum(entry.differing for entry in run)
    unrecorded = not witness.clean.kept or any(_is_unrecorded(entry) for entry in run)
    share = 1.0 if unrecorded else differing / max(repeated, 1)
    limit = share_limit(DIFFERING, max(repeated, 2))  # below 1, so that a share of 1 always fails
    return [
        Check.at_most("state-unchanged", ids, float(len(witness.changed)), 0.0),
        Check.at_most("same-answers", ids, share, limit),
        *([Check.skipped("fresh-copy", ids)] if witness.copies.missing else []),
    ]


def _is_unrecorded(entry: Robustness) -> bool:
    """Whether samples were attacked, but no answer was recorded."""
    attacked = 0 if entry.attacked is None else len(entry.attacked)
    return attacked > 0 and entry.error is None and entry.repeated == 0
