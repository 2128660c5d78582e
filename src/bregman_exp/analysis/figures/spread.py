"""Several seeds in one curve: their mean, and how far they spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import t

from bregman_exp.analysis.figures.style import Stroke

SPREAD = "Lines: mean over seeds; bands: from the smallest to the largest."  # what a caption says of it


@dataclass(frozen=True)
class Curve:
    """One quantity of several seeds: ``x`` (n,), ``values`` (seeds, n), NaN where there is none."""

    label: str
    stroke: Stroke
    x: np.ndarray
    values: np.ndarray


def mean_interval(values: Sequence[float] | np.ndarray) -> tuple[float, float, float]:
    """(mean, lower, upper) with the 95 % interval x̄ ± t(0.975; n−1) s/√n; of one value without ends (NaN).

    Raises ValueError where there is no value.
    """
    values = np.asarray(values, float)
    if values.size == 0:
        raise ValueError("the mean of no values does not exist; give at least 1.")
    middle = float(values.mean())
    if len(values) < 2:
        return middle, np.nan, np.nan
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1)) / sqrt(len(values))
    return middle, middle - half, middle + half


def draw_curve(panel: Axes, curve: Curve, markers: bool = False) -> None:
    """The mean over the seeds, and a band from the smallest to the largest of them.

    Columns with a NaN, or in a panel with a logarithmic axis a value ≤ 0, are gaps.
    """
    shown = np.isfinite(curve.values).all(axis=0)
    if panel.get_yscale() == "log":
        shown &= (curve.values > 0).all(axis=0)
    values = np.where(shown, curve.values, np.nan)
    stroke = curve.stroke
    panel.plot(
        curve.x,
        values.mean(axis=0),
        color=stroke.colour,
        linestyle=stroke.dashes,
        marker=stroke.marker if markers else "",
        label=curve.label,
    )
    if len(values) > 1:
        lowest, highest = values.min(axis=0), values.max(axis=0)
        panel.fill_between(curve.x, lowest, highest, color=stroke.colour, alpha=0.18, linewidth=0)
