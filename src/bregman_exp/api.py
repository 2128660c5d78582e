"""The public constructors: where a name becomes an object for those who do not use configs."""

from collections.abc import Sequence
from typing import Any

from bregman_exp import models
from bregman_exp.geometry import Activation
from bregman_exp.geometry import legendre_map as legendre_map


def resnet(depth: int, *, act: Activation | str, **settings: Any) -> models.ResNet:
    """:func:`bregman_exp.models.resnet`; ``act`` is a map or the name of one, with its default parameters."""
    return models.resnet(depth, act=_map_of(act), **settings)


def mlp(widths: Sequence[int], *, act: Activation | str, **settings: Any) -> models.MLP:
    """:func:`bregman_exp.models.mlp`; ``act`` is a map or the name of one, with its default parameters."""
    return models.mlp(widths, act=_map_of(act), **settings)


def _map_of(act: Activation | str) -> Activation:
    return legendre_map(act) if isinstance(act, str) else act
