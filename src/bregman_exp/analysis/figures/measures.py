"""Measures of each layer: how far it moves the points, and how far apart it leaves the classes."""

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.networks import POINTS, Networks, twins
from bregman_exp.analysis.figures.rows import seed_counts
from bregman_exp.analysis.figures.style import BANDS, GREY, draw_bands, legend_below, log_axis, side_by_side

RESOLVED = 1e-6  # of the largest |z|, about float32's: a spread below it is rounding


@Kind("Size of each layer's move", twins)
def moves(networks: Networks) -> list[Drawing]:
    """The mean of ‖z⁽ˡ⁺¹⁾ − z⁽ˡ⁾‖₂ over the test points, by l; logarithmic, a gap where nothing moves."""
    sizes = [[_mean_move(before, after) for before, after in pairwise(layers)] for layers in networks.layers]
    if np.isnan(sizes).all():
        raise ValueError("no layer keeps the width")
    figure, (panel,) = side_by_side(1, height=2.8)
    log_axis(panel)
    _draw(panel, networks, sizes, "mean of ‖z⁽ˡ⁺¹⁾ − z⁽ˡ⁾‖₂\n(primal space, without unit)")
    legend_below(figure)
    caption = (
        f"Mean over {networks.points} of the distance that the layer after z⁽ˡ⁾ moves a point; a gap where "
        f"the width changes. {BANDS} {seed_counts(networks.runs)}."
    )
    return [Drawing(figure, caption)]


def _draw(panel: Axes, networks: Networks, values: list[list[float]], quantity: str) -> None:
    draw_bands(panel, networks.runs, np.array(values))
    panel.set(xlabel="layer (0: input)", ylabel=quantity)


def _mean_move(before: np.ndarray, after: np.ndarray) -> float:
    """NaN where the width changes."""
    same = before.shape == after.shape
    return float(np.linalg.norm(after - before, axis=1).mean()) if same else float("nan")


def fisher_ratio(z: np.ndarray, labels: np.ndarray) -> float:
    """Fisher's ratio of the variance between the classes to that within them,

        J = Σ_c n_c ‖μ_c − μ‖² / Σ_c Σ_{i in c} ‖z_i − μ_c‖²,

    μ_c the mean of class c, μ that of all. 0: equal means; ∞: each class is one point, and the points differ;
    NaN: all points coincide to within float32's resolution. Shapes: z (N, d), labels (N,).
    """
    if z.std(axis=0).max() <= RESOLVED * max(1.0, float(np.abs(z).max())):
        return float("nan")
    means = pd.DataFrame(z).groupby(labels).transform("mean").to_numpy()
    within = float(((z - means) ** 2).sum())
    return float(((means - z.mean(axis=0)) ** 2).sum()) / within if within else float("inf")


def linear_accuracy(
    z_fit: np.ndarray, labels_fit: np.ndarray, z_test: np.ndarray, labels_test: np.ndarray
) -> float:
    """The fraction of test points that the least-squares classifier has right; z (n, d), labels (n,).

    It fits an affine map of z to the indicators of the classes and answers the class with the largest value.
    Directions in which the fitted points do not spread beyond float32's resolution do not count; where none
    is left it answers the largest class.
    """
    classes, index = np.unique(labels_fit, return_inverse=True)
    middle, shares = z_fit.mean(axis=0), np.bincount(index) / len(index)
    smallest = RESOLVED * max(1.0, float(np.abs(z_fit).max())) * len(z_fit) ** 0.5
    left, size, right = np.linalg.svd(z_fit - middle, full_matrices=False)
    kept = size > smallest
    weight = (right[kept].T / size[kept]) @ left[:, kept].T @ (np.eye(len(classes))[index] - shares)
    scores = (z_test - middle) @ weight + shares
    return float((classes[scores.argmax(axis=1)] == labels_test).mean())


@Kind("Separation by layer", twins)
def separation(networks: Networks) -> list[Drawing]:
    """Left Fisher's ratio, right the accuracy in percent of a least-squares classifier, by layer."""
    labels, fitted = networks.labels, networks.data.train.y[:POINTS].numpy()
    ratios = [[fisher_ratio(z, labels) for z in layers] for layers in networks.layers]
    linear = [
        [100 * linear_accuracy(z_fit, fitted, z, labels) for z_fit, z in zip(train, test, strict=True)]
        for train, test in zip(networks.layers_of(networks.data.train), networks.layers, strict=True)
    ]
    figure, (left, right) = side_by_side(2)
    log_axis(left)
    _draw(left, networks, ratios, "Fisher's ratio: variance between\nover variance within classes")
    _draw(right, networks, linear, "accuracy of a linear classifier\non the layer (% of test points)")
    right.axhline(100 * np.bincount(labels).max() / len(labels), color=GREY, lw=0.8, ls=":")
    legend_below(figure)
    caption = (
        f"On {networks.points}. Left: Fisher's ratio Σ n‖μ − μ̄‖² over Σ‖z − μ‖², μ the means of the classes. "
        f"Right: accuracy of the least-squares classifier fitted to {len(fitted)} training points; dotted: "
        f"the larger class. {BANDS} A gap where all points of a seed coincide. {seed_counts(networks.runs)}."
    )
    return [Drawing(figure, caption)]
