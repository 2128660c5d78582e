"""Robust accuracy by the size of the perturbation, in both norms."""

import json
from functools import cache
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bregman_exp.analysis.figures import style
from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.rows import own, same_architecture, seed_counts
from bregman_exp.analysis.intervals import mean_intervals
from bregman_exp.analysis.names import NORMS, POINT_SETS, Frame, marks


@Kind("Accuracy by size of the perturbation", same_architecture)
def robust(lines: Frame) -> list[Drawing]:
    """A picture for each attack (with its settings) at two ε of a norm or more, a panel for each norm."""
    strokes, first = style.strokes_of(lines), own(lines).iloc[0]
    points = _points(lines)
    sizes = points.groupby(["label", "setting", "norm"])["eps"].transform("nunique")
    points = points[sizes > 2]  # with ε = 0, the clean samples
    if points.empty:
        raise ValueError("no attack was run at two ε of a norm; evaluate attack=curve")
    drawings: list[Drawing] = []
    for setting, attacked in points.groupby("setting", sort=False):
        attack = json.loads(setting)
        figure = _figure(attacked, strokes, per_255=first["data_name"] not in POINT_SETS)
        caption = _caption(attack, first["n"], seed_counts(attacked))
        drawings.append(Drawing(figure, caption, attack["attack"]))
    return drawings


def _points(lines: Frame) -> Frame:
    """A line for each run, attack (``setting``: all but ε, as JSON), norm and ε; at ε = 0 the clean samples
    of the same evaluation."""
    lines = lines[lines["accuracy"].notna()]
    clean, attacks = lines[lines["id"] == "clean"], lines[lines["id"] != "clean"]
    attacks = attacks.assign(setting=[*map(_setting, attacks["attack"], attacks["n"], attacks["settings"])])
    starts = attacks[["run", "evaluation", "setting", "norm"]].drop_duplicates(["run", "setting", "norm"])
    clean = starts.merge(clean.assign(eps=0.0).drop(columns="norm"), on=["run", "evaluation"])
    return pd.concat([clean, attacks]).drop_duplicates(["run", "setting", "norm", "eps"])


@cache
def _setting(attack: str, n: int, settings: str) -> str:
    given = {k: v for k, v in json.loads(settings).items() if v is not None and k not in ("id", "eps")}
    return json.dumps({"attack": attack, "n": int(n), **given})


def _figure(points: Frame, strokes: dict[str, style.Stroke], per_255: bool) -> Figure:
    """``per_255``: ε in ℓ∞ is shown in units of 1/255, as of images; else, and in ℓ2, of data in [0, 1]."""
    norms = [norm for norm in NORMS if norm in set(points["norm"])]
    figure, panels = style.side_by_side(len(norms), sharey=True)
    for panel, norm in zip(panels, norms, strict=True):
        scale, unit = (255, "1/255") if per_255 and norm == "linf" else (1, "data in [0, 1]")
        for label, curve in points[points["norm"] == norm].groupby("label", sort=False):
            _draw(panel, curve, label, strokes[label], scale)
        panel.set(title=f"{NORMS[norm]} perturbations", xlabel=f"size ε (unit: {unit})")
    panels[0].set_ylabel("accuracy under attack (%)")
    look: style.Stroke = {"color": style.BLACK, "marker": "o", "markerfacecolor": "white", "ls": ""}
    hollow = Line2D([], [], label="hollow: unreliable or degenerate", **look)
    style.legend_below(figure, *([hollow] if marks(points["verdict"]) else []))
    return figure


def _draw(panel: Axes, points: Frame, label: str, stroke: style.Stroke, scale: float) -> None:
    """Student's interval over several seeds, Wilson's of one; unreliable or degenerate points are hollow."""
    by_size = points.groupby("eps")
    intervals = mean_intervals(points, "eps").fillna(by_size[["low", "high"]].first())
    hollow = by_size["verdict"].agg(marks).to_numpy() != ""
    x, y = scale * intervals.index.to_numpy(float), 100 * intervals["mean"].to_numpy()
    style.draw_intervals(panel, x, intervals, stroke, marker="")
    for shown, face in ((~hollow, stroke["color"]), (hollow, "white")):
        look: style.Stroke = stroke | {"linestyle": "", "markerfacecolor": face}
        panel.plot(x[shown], y[shown], **look)
    panel.plot([], [], label=label, **stroke)


def _caption(attack: dict[str, Any], clean: int, seeds: str) -> str:
    """``clean``: the number of clean samples; ``seeds``: that were attacked so."""
    settings = ", ".join(f"{key} {value}" for key, value in attack.items() if key not in ("attack", "n"))
    return (
        f"{attack['attack']}{f' ({settings})' if settings else ''} on {attack['n']} test samples; at ε = 0 "
        f"clean data, {clean} samples. Several seeds: mean and 95 % interval of Student's t over them; one "
        "seed: 95 % interval of Wilson over the samples (either cut to 0–100 %). Hollow: a check failed, or "
        f"the classifier is constant. {seeds}."
    )
