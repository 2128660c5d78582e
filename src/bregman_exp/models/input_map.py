"""The first layer of every model: an affine map of data in [0, 1]."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

NORMALIZATIONS: dict[str, tuple[Sequence[float], Sequence[float]]] = {
    # of the training images of each set, rounded, as they are usually given
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "svhn": ((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
    "mnist": ((0.1307,), (0.3081,)),
    "fashion_mnist": ((0.2860,), (0.3530,)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


class InputMap(nn.Module):
    """x ↦ scale · x + shift, per channel (or feature).

    It is part of the model, so that attacks work on data in [0, 1]. Its constants are non-persistent
    buffers: a public state dict without them loads with ``strict=True``.

    Shapes: x (N, C, ...) -> the same; ``scale`` and ``shift`` have C values, or 1.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, scale: Sequence[float], shift: Sequence[float]):
        super().__init__()
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.get_default_dtype()), persistent=False)
        self.register_buffer("shift", torch.tensor(shift, dtype=torch.get_default_dtype()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        over_space = (-1,) + (1,) * (x.dim() - 2)
        return x * self.scale.view(over_space) + self.shift.view(over_space)


def onto_interval(lo: float, hi: float) -> InputMap:
    """The affine map of [0, 1] onto [lo, hi]: x ↦ lo + (hi − lo) x."""
    return InputMap([hi - lo], [lo])


def normalization(
    normalize: str | tuple[Sequence[float], Sequence[float]] | None, channels: int
) -> nn.Module:
    """x ↦ (x − mean) / std, for each of the channels.

    ``normalize`` is a name of ``NORMALIZATIONS``, a pair (mean, std), or None for no normalisation.

    Raises ValueError for an unknown name, for a std that is not positive and for another number of values.
    """
    if normalize is None:
        return nn.Identity()
    if isinstance(normalize, str):
        if normalize not in NORMALIZATIONS:
            raise ValueError(
                f"normalize={normalize!r} is unknown; use one of {', '.join(NORMALIZATIONS)}, "
                "a pair (mean, std), or None."
            )
        normalize = NORMALIZATIONS[normalize]
    mean, std = normalize
    if len(mean) != len(std) or min(std) <= 0:
        raise ValueError(f"normalize=({mean}, {std}): mean and std must have equal length and every std > 0.")
    if len(mean) not in (1, channels):
        raise ValueError(
            f"normalize has {len(mean)} values and the images have {channels} channel(s); give a pair (mean, "
            "std) with a value for each channel, or None."
        )
    return InputMap([1 / s for s in std], [-m / s for m, s in zip(mean, std, strict=True)])
