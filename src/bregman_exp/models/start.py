"""The initial weights of an MLP."""

import torch
from torch import nn

INITS = ("random", "deterministic")


@torch.no_grad()
def start_at_zero(linear: nn.Linear) -> None:
    """W = 0, b = 0, where the skip alone gives the identity."""
    linear.weight.zero_()
    linear.bias.zero_()


@torch.no_grad()
def start_at_identity(linear: nn.Linear) -> None:
    """W = I, b = 0."""
    nn.init.eye_(linear.weight)
    linear.bias.zero_()


@torch.no_grad()
def start_uniform(linear: nn.Linear) -> None:
    """Every weight and bias 1/n, n the number of inputs."""
    linear.weight.fill_(1 / linear.in_features)
    linear.bias.fill_(1 / linear.in_features)
