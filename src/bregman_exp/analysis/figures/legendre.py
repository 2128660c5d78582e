"""The Legendre maps: an activation, its inverse, its potential."""

from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.style import (
    BLACK,
    GREEN,
    GREY,
    ORANGE,
    grid_of,
    grid_shape,
    legend_below,
    page,
)

if TYPE_CHECKING:
    from bregman_exp.geometry import LegendreMap

POINTS = 2001  # a curve
IN_A_ROW = 4  # panels
REACH = 3.0  # what is shown of either axis


@Kind("Legendre maps")
def legendre(_: None) -> list[Drawing]:
    """All Legendre maps of ``geometry.ACTIVATIONS``, at their default parameters; an alias is drawn once."""
    from bregman_exp.geometry import ACTIVATIONS, LegendreMap  # torch takes seconds

    maps = [cls() for cls in dict.fromkeys(ACTIVATIONS.values()) if issubclass(cls, LegendreMap)]
    rows, columns = grid_shape(len(maps), IN_A_ROW)
    figure = page(0.5 + 1.8 * rows)
    panels = grid_of(figure, rows, columns, len(maps), sharex=True, sharey=True)
    for panel, rho in zip(panels, maps, strict=True):
        _draw(panel, rho)
    legend_below(figure)
    figure.supylabel("value (without unit)", fontsize=8)
    parameters = {rho.name: ", ".join(f"{k} = {v:g}" for k, v in rho.parameters.items()) for rho in maps}
    caption = (
        "Each activation ρ with its inverse and its potential Φ, Φ′ = ρ⁻¹. Dotted: the ends of the range of "
        "ρ, outside of which ρ⁻¹ and Φ do not exist. Parameters: "
        f"{'; '.join(f'{name} {values}' for name, values in parameters.items() if values)}."
    )
    return [Drawing(figure, caption)]


def _draw(panel: Axes, rho: "LegendreMap") -> None:
    """ρ, ρ⁻¹ = Φ′, Φ, and the ends of the range of ρ, where the others end."""
    import torch

    lo, hi = ends = tuple(map(float, rho.range))
    u = torch.linspace(-REACH, REACH, POINTS, dtype=torch.float64)
    z = torch.linspace(max(lo, -REACH), min(hi, REACH), POINTS, dtype=torch.float64)[1:-1]
    panel.plot(u, rho.act(u), color=BLACK, linestyle="-", label="ρ(u)")
    panel.plot(z, rho.inverse(z), color=ORANGE, linestyle="--", label="ρ⁻¹(z) = Φ′(z)")
    panel.plot(z, rho.potential(z), color=GREEN, linestyle="-.", label="Φ(z)")
    panel.plot([], [], color=GREY, lw=0.8, ls=":", label="ends of the range of ρ")
    for line in (panel.axhline, panel.axvline):
        line(0, color="#D0D0D0", lw=0.5, zorder=0)
        for end in (end for end in ends if abs(end) <= REACH):
            line(end, color=GREY, lw=0.8, ls=":")
    view, ticks = (-REACH, REACH), (-2, 0, 2)
    panel.set(title=rho.name, xlim=view, ylim=view, xticks=ticks, yticks=ticks, aspect="equal")
    panel.set_xlabel("u or z (without unit)")
    panel.label_outer()
