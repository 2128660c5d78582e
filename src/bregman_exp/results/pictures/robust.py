"""Robust accuracy by the size of the perturbation, in both norms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bregman_exp.results.pictures.axes import legend_below, legend_entries
from bregman_exp.results.pictures.style import BLACK, TEXT_WIDTH, Stroke, print_style

NORMS = {"linf": r"$\ell_\infty$", "l2": r"$\ell_2$"}


@dataclass(frozen=True)
class RobustCurve:
    """One row under one attack: ``eps`` (n,), ``accuracy`` (n,) and its 95 % interval ``lower``, ``upper``
    (n,), fractions; ``doubted`` (n,): whether an entry is UNRELIABLE or of a constant classifier."""

    label: str
    stroke: Stroke
    eps: np.ndarray
    accuracy: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    doubted: np.ndarray


@print_style()
def robust_accuracy_by_size(norms: Mapping[str, Sequence[RobustCurve]], per_255: bool) -> Figure:
    """A panel for each norm that has curves; doubted points are hollow.

    ``per_255``: ε in the ℓ∞ panel is shown in units of 1/255, as images are; else, and in ℓ2, in units of
    data in [0, 1].
    """
    width = TEXT_WIDTH if len(norms) > 1 else 4.2
    figure = Figure(figsize=(width, 2.9), layout="constrained")
    panels = figure.subplots(1, len(norms), sharey=True, squeeze=False)[0]
    for panel, (norm, curves) in zip(panels, norms.items(), strict=True):
        scale = 255 if per_255 and norm == "linf" else 1
        for curve in curves:
            _draw(panel, curve, scale)
        unit = "1/255" if scale == 255 else "data in [0, 1]"
        panel.set(title=f"{NORMS[norm]} perturbations", xlabel=f"size ε (unit: {unit})", ylim=(-2, 102))
    panels[0].set_ylabel("accuracy under attack (%)")
    entries = legend_entries(*panels)
    if any(curve.doubted.any() for curves in norms.values() for curve in curves):
        words = "hollow: unreliable or degenerate"
        entries[words] = Line2D([], [], color=BLACK, marker="o", markerfacecolor="white", ls="")
    legend_below(figure, entries)
    return figure


def _draw(panel: Axes, curve: RobustCurve, scale: float) -> None:
    x, y = scale * curve.eps, 100 * curve.accuracy
    stroke, firm = curve.stroke, ~curve.doubted
    reach = np.nan_to_num(np.stack([y - 100 * curve.lower, 100 * curve.upper - y]).clip(0))
    panel.errorbar(
        x, y, yerr=reach, color=stroke.colour, linestyle=stroke.dashes, capsize=2.5, elinewidth=0.9
    )
    for shown, face in ((firm, stroke.colour), (~firm, "white")):
        panel.plot(x[shown], y[shown], ls="", marker=stroke.marker, color=stroke.colour, markerfacecolor=face)
    panel.plot([], [], color=stroke.colour, linestyle=stroke.dashes, marker=stroke.marker, label=curve.label)
