"""The output layer of a regression whose answer is a class: the one with the nearest value."""

from collections.abc import Sequence
from math import isfinite

import torch
from torch import Tensor, nn

from bregman_exp.models import interval as bounds


class NearestValue(nn.Linear):
    """logits_k = −(f(z) − v_k)² with one output f(z) = w·z + b.

    The predicted class is that of the value nearest to f, and −logit_y is the squared error of the regression
    of v_y. The values are in the state dict, so that a checkpoint tells its classes.

    Shapes: input z (N, in_features), values (K,) -> logits (N, K).
    """

    values: Tensor

    def __init__(self, in_features: int, values: Sequence[float]):
        super().__init__(in_features, 1)
        self.register_buffer("values", torch.tensor(values, dtype=torch.get_default_dtype()))

    def forward(self, input: Tensor) -> Tensor:
        return -((super().forward(input) - self.values) ** 2)

    def enclose(self, z: bounds.Enclosure) -> bounds.Enclosure:
        """The enclosure of the logits."""
        ones = torch.ones_like(self.values)[:, None]
        output = bounds.affine(z, self.weight, self.bias)
        return bounds.minus_square(bounds.affine(output, ones, -self.values))


def output_layer(in_features: int, num_classes: int, values: Sequence[float] | None) -> nn.Linear:
    """The linear layer that gives the logits, or with ``values`` those of the nearest value.

    Raises ValueError unless there is a value for each class, finite and unlike the others.
    """
    if values is None:
        return nn.Linear(in_features, num_classes)
    if len(values) != num_classes:
        raise ValueError(f"values={list(values)}: give a value for each of the {num_classes} classes.")
    if len(set(values)) < num_classes or not all(map(isfinite, values)):
        raise ValueError(f"values={list(values)}: all must be finite, and no two equal.")
    return NearestValue(in_features, values)


def evenly_spaced(num_classes: int) -> list[float]:
    """The values k / (K − 1) of classes k = 0 … K − 1, K ≥ 2: 0 and 1; 0, ½ and 1."""
    return [k / (num_classes - 1) for k in range(num_classes)]
