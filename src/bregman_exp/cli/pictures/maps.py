"""The picture of the Legendre maps, from ``geometry/`` alone."""

import torch

from bregman_exp.cli.pictures.album import Album
from bregman_exp.geometry import ACTIVATIONS, LegendreMap
from bregman_exp.results.pictures.legendre import REACH, LegendreCurves, legendre_maps

POINTS = 2001  # a curve


def legendre(album: Album) -> None:
    """All Legendre maps of ``geometry.ACTIVATIONS``, at their default parameters; an alias is drawn once."""
    kinds = dict.fromkeys(kind for kind in ACTIVATIONS.values() if issubclass(kind, LegendreMap))
    maps = [kind() for kind in kinds]
    defaults = "; ".join(_parameters(act) for act in maps if act.parameters)
    album.add(
        legendre_maps([_curves(act) for act in maps]),
        "legendre",
        "Legendre maps",
        "Each activation ρ with its inverse and its potential Φ, Φ′ = ρ⁻¹. Dotted: the ends of the range of "
        f"ρ, outside of which ρ⁻¹ and Φ do not exist. Parameters: {defaults}.",
    )


def _parameters(act: LegendreMap) -> str:
    """E.g. "softplus beta = 1000"."""
    return f"{act.name} {', '.join(f'{name} = {value:g}' for name, value in act.parameters.items())}"


def _curves(act: LegendreMap) -> LegendreCurves:
    lo, hi = act.range
    u = torch.linspace(-REACH, REACH, POINTS, dtype=torch.float64)
    inside = torch.linspace(max(lo, -REACH), min(hi, REACH), POINTS, dtype=torch.float64)[1:-1]
    figures = (u, act.act(u), inside, act.inverse(inside), act.potential(inside))
    return LegendreCurves(act.name, act.range, *(tensor.numpy() for tensor in figures))
