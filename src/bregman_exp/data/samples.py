"""A data set from the samples that a user's own function returns."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bregman_exp.data.dataset import ClassificationData, DataError, Split
from bregman_exp.data.statistics import COMPUTED

Samples = tuple[Tensor, Tensor]  # x (N, …) uint8 or float in [0, 1], y (N,) classes


def from_samples(
    name: str,
    samples: Sequence[Samples],
    classes: Sequence[str] | None = None,
    label: str | None = None,
    normalize: str | None = None,
) -> ClassificationData:
    """The data set of training, validation and test samples.

    ``classes``: their names (None: their numbers); ``label``: the name in tables (None: ``name``);
    ``normalize``: the name of the channel statistics. Shapes: x (N, C, H, W) uint8 or float in [0, 1], C = 1
    or 3, or points (N, d) float in [0, 1]; y (N,) int64 from 0. Raises DataError, in one sentence, otherwise.
    """
    parts = [_split(name, *part) for part in samples]
    if len(parts) != 3:
        raise DataError(f"dataset={name} returns {len(parts)} parts; return training, validation and test.")
    if len({(part.x.shape[1:], part.x.dtype) for part in parts}) > 1:
        raise DataError(
            f"dataset={name} returns x of several shapes or types; all samples must have the same."
        )
    train, val, test = parts
    n = 1 + max(int(part.y.max()) for part in parts)
    names = tuple(classes or map(str, range(n)))
    if n > len(names):
        raise DataError(f"dataset={name} has a label {n - 1}, but only {len(names)} classes.")
    if normalize == COMPUTED:
        raise DataError(f"dataset.normalize={COMPUTED} is for image folders; give a name or null.")
    return ClassificationData(name, "plug-in", names, train, val, test, normalize, label or name)


def _split(name: str, x: Tensor, y: Tensor) -> Split:
    is_sized = 0 < len(x) == len(y) and (x.dim() == 2 or (x.dim() == 4 and x.shape[1] in (1, 3)))
    is_unit = x.dtype == torch.uint8 or (x.is_floating_point() and is_sized and 0 <= x.min() <= x.max() <= 1)
    if not (is_sized and is_unit) or y.dim() != 1 or y.dtype != torch.int64 or y.min() < 0:
        raise DataError(
            f"dataset={name} returns x {x.dtype} {tuple(x.shape)} and y {y.dtype} {tuple(y.shape)}; x must "
            "be uint8 or float in [0, 1], (N, d) or (N, 1 or 3, H, W), and y int64 from 0, a label for each "
            "sample."
        )
    return Split(x if x.dtype == torch.uint8 else x.float(), y, torch.arange(len(y)))
