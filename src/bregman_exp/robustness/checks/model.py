"""Checks of the model and its inputs, before any attack."""

from itertools import product

import torch
from torch import Tensor

from bregman_exp.keyed_random import generator
from bregman_exp.robustness.result import Check, share_limit
from bregman_exp.robustness.samples import Samples

LOOKED_AT = 500  # samples at most
REPEATED = 1e-4  # how far repeated logits may differ
SUMS_TO_ONE = 1e-4
DRAWS = 256  # images of noise, and of corners of the box, for a constant classifier
ALL_CORNERS = 8  # dimensions up to which every corner is looked at


def model_checks(samples: Samples, ids: tuple[str, ...]) -> list[Check]:
    """inputs-in-box, logits-not-probabilities, eval-mode, determinism, batch-independence; on one batch of at
    most 500 samples."""
    index = random_subset(len(samples.y), min(LOOKED_AT, samples.batch_size))
    x, y = samples.batch(index)
    logits, again = samples.logits(x, y), samples.logits(x, y)
    outside = max(0.0, -float(x.amin()), float(x.amax()) - 1)
    # a softmax output: none negative, all adding up to 1
    like_one = (logits.amin(dim=1) >= 0) & ((logits.sum(dim=1) - 1).abs() < SUMS_TO_ONE)
    training = sum(module.training for module in samples.model.modules())
    difference = float((logits - again).abs().max())
    half = max(1, len(y) // 2)
    alone = samples.logits(x[:half], y[:half])
    by_company = float((logits[:half] - alone).abs().max() / (1 + logits.abs().max()))
    return [
        Check.at_most("inputs-in-box", ids, outside, 0.0),
        Check.at_most(
            "logits-not-probabilities", ids, float(like_one.float().mean()), share_limit(0.0, len(y))
        ),
        Check.at_most("eval-mode", ids, float(training), 0.0),
        Check.at_most("determinism", ids, difference, REPEATED),
        Check.at_most("batch-independence", ids, by_company, REPEATED),
    ]


def random_subset(n: int, most: int) -> Tensor:
    """At most so many of n samples, always the same: the test set may be sorted by class."""
    return torch.randperm(n, generator=generator(0, "checked-samples"))[:most].sort().values


def is_constant(samples: Samples, predictions: Tensor) -> bool:
    """Whether no prediction changes: on clean data, on noise in the box, and on its corners."""
    if (predictions != predictions[0]).any():
        return False
    x, _ = samples.batch(torch.tensor([0]))
    random = generator(0, "constant-classifier")
    shape = (DRAWS, *x.shape[1:])
    noise = torch.rand(shape, generator=random)
    corners = torch.randint(0, 2, shape, generator=random)
    if x[0].numel() <= ALL_CORNERS:
        every = list(product((0.0, 1.0), repeat=x[0].numel()))
        corners = torch.tensor(every).view(-1, *x.shape[1:])
    for points in (noise, corners):
        for part in points.to(x).split(samples.batch_size):
            label = predictions[:1].expand(len(part))
            if (samples.predict(part, label) != predictions[0]).any():
                return False
    return True
