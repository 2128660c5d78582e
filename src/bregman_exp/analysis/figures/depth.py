"""Accuracy by depth, over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.rows import Row, distinct, kind_of, strokes_of
from bregman_exp.analysis.figures.spread import mean_interval
from bregman_exp.analysis.figures.style import (
    GREY,
    TEXT_WIDTH,
    Stroke,
    legend_below,
    legend_entries,
    print_style,
)

CHANCE = {"two_spiral": 1 / 2, "cifar10": 1 / 10}  # by name of the data set, where the classes are known
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


def depth(rows: Sequence[Row], album: Album) -> None:
    """Accuracy by depth, a panel for each initialisation."""
    first = rows[0]
    name = f"{first.family}, {first.about('data')}, {', '.join(distinct(r.act for r in rows))}"
    if len({row.depth for row in rows}) < 2:
        return album.leave_out("depth", "one depth only", name)
    chosen = _longest_trained(rows)
    panels = {
        f"{init} start" if init else "": _by_depth([row for row in chosen if row.init == init], chosen)
        for init in distinct(row.init for row in chosen)
    }
    chance = CHANCE.get(first.about("data_name"))
    caption = _depth_caption(chosen, len(rows) - len(chosen), chance is not None)
    album.add(accuracy_by_depth(panels, chance), "depth", f"Accuracy by depth: {name}", caption)


def _longest_trained(rows: Sequence[Row]) -> list[Row]:
    best: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = row.version, row.act, row.init, row.depth
        if key not in best or (row.epochs, len(row.seeds)) > (best[key].epochs, len(best[key].seeds)):
            best[key] = row
    return list(best.values())


def _by_depth(rows: Sequence[Row], among: Sequence[Row]) -> list[ByDepth]:
    kinds = {kind_of(row, among): row.version for row in among}
    strokes = strokes_of(list(kinds), list(kinds.values()))
    found = {kind: ByDepth(kind, strokes[kind], {}) for kind in kinds}
    for row in rows:
        found[kind_of(row, among)].accuracies[row.depth] = list(map(float, row.runs["accuracy"]))
    return [kind for kind in found.values() if kind.accuracies]


def _depth_caption(rows: Sequence[Row], left_out: int, dotted: bool) -> str:
    epochs = {row.depth: distinct(r.epochs for r in rows if r.depth == row.depth) for row in rows}
    told = "; ".join(
        f"{depth}: {' or '.join(map(str, numbers))}" for depth, numbers in sorted(epochs.items())
    )
    counts = sorted({len(row.seeds) for row in rows})
    seeds = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    more = f" Of each kind the longest trained; {left_out} other rows are left out." if left_out else ""
    return (
        f"Faint points: one seed each, {seeds} a kind and depth; curves: their mean with its 95 % interval "
        f"(Student's t over seeds, cut to 0–100 %){'; dotted: chance' if dotted else ''}. "
        f"Epochs by depth: {told}.{more}"
    )
