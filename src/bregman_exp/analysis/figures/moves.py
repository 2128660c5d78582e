"""How far each layer moves the points."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.spread import SPREAD, Curve, draw_curve
from bregman_exp.analysis.figures.style import log_axis, print_style
from bregman_exp.analysis.figures.subjects import Subject, curves_of


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


def moves(subject: Subject, album: Album) -> None:
    """How far each layer moves the test points."""
    sizes = [
        [[_mean_move(a, b) for a, b in pairwise(seed)] for seed in row.test_layers] for row in subject.rows
    ]
    album.add(
        moves_by_layer(curves_of(subject, sizes)),
        "moves",
        f"Size of each layer's move: {subject.name}",
        f"Mean over {subject.points} of the distance that the layer after z⁽ˡ⁾ moves a point; a gap where "
        f"the width changes. {SPREAD} {subject.seeds}.",
    )


def _mean_move(before: np.ndarray, after: np.ndarray) -> float:
    """NaN where the width changes."""
    if before.shape != after.shape:
        return float("nan")
    return float(np.linalg.norm(after - before, axis=1).mean())
