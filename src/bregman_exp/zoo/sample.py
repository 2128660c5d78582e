"""A small sample without data: its figures show that a network computes here what it did when published."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bregman_exp.keyed_random import generator
from bregman_exp.robustness import robust_accuracy

N = 16
COARSE = 4  # cells to a side of a random image, between which colours are interpolated
ATTACK: dict[str, Any] = {"attack": "pgd", "norm": "linf", "eps": 1 / 255, "steps": 20}


def generated_sample(shape: tuple[int, ...]) -> Tensor:
    """The same N samples of this shape everywhere: points, or smooth images whose values are k/255."""
    random = generator(0, "zoo sample")
    if len(shape) == 1:
        return torch.rand(N, *shape, generator=random)
    coarse = torch.rand(N, shape[0], COARSE, COARSE, generator=random, dtype=torch.float64)
    smooth = F.interpolate(coarse, shape[1:], mode="bilinear", align_corners=True)
    return (smooth * 255).round().float() / 255


def sample_figures(net: nn.Module, shape: tuple[int, ...]) -> dict[str, Any]:
    """The class of each sample, and which samples keep it under PGD."""
    x = generated_sample(shape)
    with torch.no_grad():
        classes = net(x).argmax(dim=1)
    report = robust_accuracy(net, x, classes, **ATTACK)
    survivors = [] if report.survivors is None else report.survivors.int().tolist()
    return {"shape": list(shape), "attack": report.attack, "classes": classes.tolist(), "survive": survivors}
