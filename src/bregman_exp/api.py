"""The public constructors: where a name becomes an object for those who do not use configs."""

from collections.abc import Sequence
from functools import wraps
from typing import Any

from bregman_exp import models
from bregman_exp.geometry import Activation
from bregman_exp.geometry import legendre_map as legendre_map


@wraps(models.resnet)  # its signature and documentation
def resnet(depth: int, *, act: Activation | str, **settings: Any) -> models.ResNet:
    return models.resnet(depth, act=_map_of(act), **settings)


@wraps(models.mlp)
def mlp(widths: Sequence[int], *, act: Activation | str, **settings: Any) -> models.MLP:
    return models.mlp(widths, act=_map_of(act), **settings)


def _map_of(act: Activation | str) -> Activation:
    """A name stands for the map with its default parameters."""
    return legendre_map(act) if isinstance(act, str) else act
