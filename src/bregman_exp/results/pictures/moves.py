"""How far each layer moves the points."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from bregman_exp.results.pictures.axes import log_axis
from bregman_exp.results.pictures.spread import Curve, draw_curve
from bregman_exp.results.pictures.style import print_style


@print_style()
def moves_by_layer(curves: Sequence[Curve]) -> Figure:
    """The mean of ‖z⁽ˡ⁺¹⁾ − z⁽ˡ⁾‖₂ over the samples, by l; logarithmic, a gap where nothing moves."""
    figure = Figure(figsize=(4.2, 2.8), layout="constrained")
    panel = figure.subplots()
    log_axis(panel)
    few = max(len(curve.x) for curve in curves) <= 16
    for curve in curves:
        draw_curve(panel, curve, markers=few)
    panel.set_xlabel("layer $l$ (0: input)", parse_math=True)
    panel.set_ylabel(r"mean of $\|z^{(l+1)} - z^{(l)}\|_2$" "\n(primal space, without unit)", parse_math=True)
    panel.locator_params(axis="x", integer=True)
    panel.legend()
    return figure
