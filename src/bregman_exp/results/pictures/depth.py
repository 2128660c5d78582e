"""Accuracy by depth, over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from bregman_exp.results.pictures.axes import legend_below, legend_entries
from bregman_exp.results.pictures.spread import mean_interval
from bregman_exp.results.pictures.style import GREY, TEXT_WIDTH, Stroke, print_style

APART, BESIDE = 0.015, 0.006  # of the axis: between the curves at one depth; from a mean to its seeds


@dataclass(frozen=True)
class ByDepth:
    """One kind of network: accuracies (fractions) of its seeds, by depth."""

    label: str
    stroke: Stroke
    accuracies: dict[int, Sequence[float]]


@print_style()
def accuracy_by_depth(panels: Mapping[str, Sequence[ByDepth]], chance: float | None) -> Figure:
    """A panel for each initialisation (its title): every seed a faint point, the mean with its 95 % interval
    of ``mean_interval`` (cut to 0 … 100 %). ``chance``: a guesser's accuracy, a fraction; None: not drawn."""
    width = TEXT_WIDTH if len(panels) > 1 else 4.2
    figure = Figure(figsize=(width, 2.9), layout="constrained")
    drawn = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    depths = sorted({depth for kinds in panels.values() for kind in kinds for depth in kind.accuracies})
    for panel, (title, kinds) in zip(drawn, panels.items(), strict=True):
        for place, kind in enumerate(kinds):
            _draw(panel, kind, APART * (place - (len(kinds) - 1) / 2), log(depths[-1] / depths[0]))
        if chance is not None:
            panel.axhline(100 * chance, color=GREY, lw=0.8, ls=":", zorder=0)
        panel.set(title=title, xlabel="layers", xscale="log")
        panel.set_xticks(depths, [str(depth) for depth in depths])
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_minor_formatter(NullFormatter())
    drawn[0].set_ylabel("test accuracy (%)")
    legend_below(figure, legend_entries(*drawn))
    return figure


def _draw(panel: Axes, kind: ByDepth, shift: float, length: float) -> None:
    """``shift``: to the right, as a share of the axis, whose ends' logarithms are ``length`` apart."""
    depths, colour = np.array(sorted(kind.accuracies)), kind.stroke.colour
    for depth in depths:
        values = 100 * np.asarray(kind.accuracies[depth])
        x = np.full(len(values), depth * exp(length * (shift + BESIDE)))
        panel.scatter(x, values, s=9, c=colour, marker=kind.stroke.marker, alpha=0.5, linewidths=0)
    means, lower, upper = 100 * np.array([mean_interval(kind.accuracies[depth]) for depth in depths]).T
    reach = np.stack([means - np.clip(lower, 0, 100), np.clip(upper, 0, 100) - means])
    panel.errorbar(
        depths * exp(length * shift),
        means,
        yerr=np.nan_to_num(reach),
        color=colour,
        linestyle=kind.stroke.dashes,
        marker=kind.stroke.marker,
        capsize=2.5,
        elinewidth=0.9,
        label=kind.label,
    )
