"""The Legendre maps: an activation, its inverse, its potential."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.style import BLACK, GREEN, GREY, ORANGE, TEXT_WIDTH, print_style
from bregman_exp.geometry import ACTIVATIONS, LegendreMap

POINTS = 2001  # a curve
COLUMNS = 4
REACH = 3.0  # what is shown of either axis


@dataclass(frozen=True)
class LegendreCurves:
    """ρ at ``u`` (n,); ρ⁻¹ and Φ at ``z`` (m,), points of the range, whose ends are ``ends``."""

    name: str
    ends: tuple[float, float]
    u: np.ndarray
    activation: np.ndarray
    z: np.ndarray
    inverse: np.ndarray
    potential: np.ndarray


@print_style()
def legendre_maps(maps: Sequence[LegendreCurves]) -> Figure:
    """A panel for each map: ρ, ρ⁻¹ = Φ′, Φ, and the ends of the range of ρ, where the others end."""
    rows = ceil(len(maps) / COLUMNS)
    figure = Figure(figsize=(TEXT_WIDTH, 0.5 + 1.8 * rows), layout="constrained")
    panels = list(figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False).flat)
    for panel, curves in zip(panels, maps, strict=False):
        _show(panel, curves)
    for spare in panels[len(maps) :]:
        spare.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    for panel in panels[len(maps) - COLUMNS : len(maps)]:
        panel.set_xlabel("u or z (without unit)")
    figure.supylabel("value (without unit)", fontsize=8)
    return figure


def _show(panel: Axes, curves: LegendreCurves) -> None:
    panel.axhline(0, color="#D0D0D0", lw=0.5, zorder=0)
    panel.axvline(0, color="#D0D0D0", lw=0.5, zorder=0)
    panel.plot(curves.u, curves.activation, color=BLACK, linestyle="-", label="ρ(u)")
    panel.plot(curves.z, curves.inverse, color=ORANGE, linestyle="--", label="ρ⁻¹(z) = Φ′(z)")
    panel.plot(curves.z, curves.potential, color=GREEN, linestyle="-.", label="Φ(z)")
    for end in curves.ends:
        if abs(end) <= REACH:
            panel.axvline(end, color=GREY, lw=0.8, ls=":")
            panel.axhline(end, color=GREY, lw=0.8, ls=":")
    panel.plot([], [], color=GREY, lw=0.8, ls=":", label="ends of the range of ρ")
    ticks = (-2, 0, 2)
    panel.set(title=curves.name, xlim=(-REACH, REACH), ylim=(-REACH, REACH), xticks=ticks, yticks=ticks)
    panel.set_aspect("equal")


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
