"""Robust accuracy by the size of the perturbation, in both norms."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.rows import Row, label_of, place_of, strokes_of
from bregman_exp.analysis.figures.spread import mean_interval
from bregman_exp.analysis.figures.style import (
    BLACK,
    TEXT_WIDTH,
    Stroke,
    legend_below,
    legend_entries,
    print_style,
)
from bregman_exp.analysis.names import Frame, marks

NOT_THE_ATTACK = ("id", "eps")  # of an attack's settings: a curve goes through several ε
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


def robust(rows: Sequence[Row], album: Album) -> None:
    """Accuracy by ε, a picture for each attack (with its settings) that was run at two ε of a norm."""
    labels = [label_of(row, rows) for row in rows]
    strokes = strokes_of(labels, [row.version for row in rows])
    by_attack: dict[str, dict[str, list[RobustCurve]]] = {}
    counts: dict[str, dict[str, int]] = {}
    for label, row in zip(labels, rows, strict=True):
        for kind, points in _points(row).groupby(["kind", "norm"], sort=False):
            attack, norm = map(str, kind)  # pyright: ignore[reportGeneralTypeIssues]
            if points["eps"].nunique() > 2:  # with ε = 0, the clean samples
                curve = _robust_curve(label, strokes[label], points)
                by_attack.setdefault(attack, {}).setdefault(norm, []).append(curve)
                counts.setdefault(attack, {})[label] = points["run"].nunique()
    if not by_attack:
        why = "no attack was run at two ε of a norm; evaluate attack=curve"
        album.leave_out("robust", why, place_of(rows))
    for attack, norms in by_attack.items():
        ordered = {norm: norms[norm] for norm in NORMS if norm in norms}
        images = rows[0].about("data_name") != "two_spiral"
        title = f"Accuracy by size of the perturbation: {json.loads(attack)['attack']}, {place_of(rows)}"
        caption = _robust_caption(attack, counts[attack], rows[0].about("n"))
        album.add(robust_accuracy_by_size(ordered, images), "robust", title, caption)


def _points(row: Row) -> Frame:
    """A line for each seed, attack (``kind``: with its settings and number of samples), norm and ε.

    At ε = 0 these are the clean samples of the same evaluation.
    """
    figures = row.figures[row.figures["accuracy"].notna()]
    attacks = figures[figures["id"] != "clean"]
    kinds = [
        _attack(*line) for line in zip(attacks["attack"], attacks["n"], attacks["settings"], strict=True)
    ]
    attacks = attacks.assign(kind=kinds)
    clean = figures.loc[figures["id"] == "clean"].assign(eps=0.0).drop(columns=["norm"])
    starts = attacks[["run", "evaluation", "kind", "norm"]].drop_duplicates(["run", "kind", "norm"])
    points = pd.concat([starts.merge(clean, on=["run", "evaluation"]), attacks])
    return points.drop_duplicates(["run", "kind", "norm", "eps"])


def _attack(attack: str, n: int, settings: str) -> str:
    """An attack at whatever ε, as JSON."""
    given = {key: value for key, value in json.loads(settings).items() if value is not None}
    return json.dumps(
        {"attack": attack, "n": int(n)} | {k: v for k, v in given.items() if k not in NOT_THE_ATTACK}
    )


def _robust_curve(label: str, stroke: Stroke, points: Frame) -> RobustCurve:
    """Several seeds: mean and Student's interval; one: Wilson's."""
    sizes, intervals, doubted = [], [], []
    for eps, at in points.groupby("eps"):
        one = at.iloc[0]
        sizes.append(eps)
        several = len(at) > 1
        wilson = (one["accuracy"], one["low"], one["high"])
        intervals.append(mean_interval(list(map(float, at["accuracy"]))) if several else wilson)
        doubted.append(marks(at["verdict"]) != "")
    middle, lower, upper = np.clip(np.array(intervals, dtype=float), 0, 1).T
    return RobustCurve(label, stroke, np.array(sizes, float), middle, lower, upper, np.array(doubted))


def _robust_caption(attack: str, counts: Mapping[str, int], clean: int) -> str:
    """``counts``: the seeds that were attacked so, by label; ``clean``: the number of clean samples."""
    settings = json.loads(attack)
    name, n = settings.pop("attack"), settings.pop("n")
    told = ", ".join(f"{key} {value}" for key, value in settings.items())
    seeds = ", ".join(f"{label}: {number} seed{'s' * (number > 1)}" for label, number in counts.items())
    return (
        f"{name}{f' ({told})' if told else ''} on {n} test samples; at ε = 0 clean data, {clean} samples. "
        "Several seeds: mean and 95 % interval of Student's t over them; one seed: 95 % interval of Wilson "
        "over the samples (either cut to 0–100 %). Hollow: a check failed, or the classifier is constant. "
        f"{seeds}."
    )
