"""The Legendre maps: an activation, its inverse, its potential."""

from math import ceil

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.panels import grid_of
from bregman_exp.analysis.figures.style import BLACK, GREEN, GREY, ORANGE, TEXT_WIDTH
from bregman_exp.geometry import ACTIVATIONS, LegendreMap

POINTS = 2001  # a curve
COLUMNS = 4
REACH = 3.0  # what is shown of either axis


@Kind("Legendre maps")
def legendre(_: None) -> list[Drawing]:
    """All Legendre maps of ``geometry.ACTIVATIONS``, at their default parameters; an alias is drawn once."""
    classes = dict.fromkeys(cls for cls in ACTIVATIONS.values() if issubclass(cls, LegendreMap))
    maps = [cls() for cls in classes]
    rows = ceil(len(maps) / COLUMNS)
    figure = Figure(figsize=(TEXT_WIDTH, 0.5 + 1.8 * rows), layout="constrained")
    panels = grid_of(figure, rows, COLUMNS, len(maps), sharex=True, sharey=True)
    for panel, rho in zip(panels, maps, strict=True):
        _draw(panel, rho)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    for panel in panels[-COLUMNS:]:
        panel.set_xlabel("u or z (without unit)")
    figure.supylabel("value (without unit)", fontsize=8)
    values = {rho.name: ", ".join(f"{k} = {v:g}" for k, v in rho.parameters.items()) for rho in maps}
    caption = (
        "Each activation ρ with its inverse and its potential Φ, Φ′ = ρ⁻¹. Dotted: the ends of the range of "
        "ρ, outside of which ρ⁻¹ and Φ do not exist. Parameters: "
    )
    return [
        Drawing(figure, caption + "; ".join(f"{name} {text}" for name, text in values.items() if text) + ".")
    ]


def _draw(panel: Axes, rho: LegendreMap) -> None:
    """ρ, ρ⁻¹ = Φ′, Φ, and the ends of the range of ρ, where the others end."""
    lo, hi = rho.range
    u = torch.linspace(-REACH, REACH, POINTS, dtype=torch.float64)
    z = torch.linspace(max(lo, -REACH), min(hi, REACH), POINTS, dtype=torch.float64)[1:-1]
    panel.axhline(0, color="#D0D0D0", lw=0.5, zorder=0)
    panel.axvline(0, color="#D0D0D0", lw=0.5, zorder=0)
    panel.plot(u.numpy(), rho.act(u).numpy(), color=BLACK, linestyle="-", label="ρ(u)")
    panel.plot(z.numpy(), rho.inverse(z).numpy(), color=ORANGE, linestyle="--", label="ρ⁻¹(z) = Φ′(z)")
    panel.plot(z.numpy(), rho.potential(z).numpy(), color=GREEN, linestyle="-.", label="Φ(z)")
    for end in (end for end in rho.range if abs(end) <= REACH):
        panel.axvline(end, color=GREY, lw=0.8, ls=":")
        panel.axhline(end, color=GREY, lw=0.8, ls=":")
    panel.plot([], [], color=GREY, lw=0.8, ls=":", label="ends of the range of ρ")
    view, ticks = (-REACH, REACH), (-2, 0, 2)
    panel.set(title=rho.name, xlim=view, ylim=view, xticks=ticks, yticks=ticks, aspect="equal")
