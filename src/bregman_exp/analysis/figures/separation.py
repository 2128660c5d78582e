"""Separation per layer: how far apart the classes are in each layer's representation."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.spread import SPREAD, Curve, draw_curve
from bregman_exp.analysis.figures.style import GREY, TEXT_WIDTH, log_axis, print_style
from bregman_exp.analysis.figures.subjects import POINTS, Subject, curves_of

RESOLVED = 1e-6  # of the largest |z|, about float32's: a spread below it is rounding


def fisher_ratio(z: np.ndarray, labels: np.ndarray) -> float:
    """Fisher's ratio of the variance between the classes to that within them,

        J = Σ_c n_c ‖μ_c − μ‖² / Σ_c Σ_{i in c} ‖z_i − μ_c‖²,

    μ_c the mean of class c, μ that of all. 0: equal means; ∞: each class is one point, and the points differ;
    NaN: all points coincide. Rotations, shifts and scalings of z do not change it.

    Shapes: z (N, d), labels (N,).
    """
    if collapsed(z):
        return float("nan")
    between = within = 0.0
    middle = z.mean(axis=0)
    for label in np.unique(labels):
        members = z[labels == label]
        mean = members.mean(axis=0)
        between += len(members) * float(((mean - middle) ** 2).sum())
        within += float(((members - mean) ** 2).sum())
    return between / within if within else float("inf")


def linear_accuracy(
    z_fit: np.ndarray, labels_fit: np.ndarray, z_test: np.ndarray, labels_test: np.ndarray
) -> float:
    """The share of the test points that the least-squares classifier has right, as a fraction.

    It fits an affine map of z to the indicators of the classes, on the points to fit, and answers the class
    with the largest value. Directions in which the fitted points do not spread beyond float32's resolution
    do not count; where none is left it answers the largest class.

    Shapes: z (n, d), labels (n,).
    """
    classes, index = np.unique(labels_fit, return_inverse=True)
    middle = z_fit.mean(axis=0)
    targets = np.eye(len(classes))[index]
    smallest = RESOLVED * max(1.0, float(np.abs(z_fit).max())) * len(z_fit) ** 0.5
    left, size, right = np.linalg.svd(z_fit - middle, full_matrices=False)
    kept = size > smallest
    weight = (right[kept].T / size[kept]) @ left[:, kept].T @ (targets - targets.mean(axis=0))
    scores = (z_test - middle) @ weight + targets.mean(axis=0)
    return float((classes[scores.argmax(axis=1)] == labels_test).mean())


def collapsed(z: np.ndarray) -> bool:
    """Whether the points, (N, d), coincide to within float32's resolution."""
    return bool(z.std(axis=0).max() <= RESOLVED * max(1.0, float(np.abs(z).max())))


@print_style()
def separation_by_layer(fisher: Sequence[Curve], linear: Sequence[Curve], chance: float) -> Figure:
    """Left Fisher's ratio of the variances between and within the classes (``fisher_ratio``), right the
    accuracy in percent of a least-squares classifier on the representation (``linear_accuracy``), by layer.

    ``chance``: the share of the largest class, as a fraction. A gap stands where all points coincide.
    """
    figure = Figure(figsize=(TEXT_WIDTH, 2.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    log_axis(left)
    for panel, curves in ((left, fisher), (right, linear)):
        few = max(len(curve.x) for curve in curves) <= 16
        for curve in curves:
            draw_curve(panel, curve, markers=few)
        panel.set_xlabel("layer (0: input)")
        panel.locator_params(axis="x", integer=True)
    left.set_ylabel("Fisher's ratio: variance between\nover variance within classes")
    right.set_ylabel("accuracy of a linear classifier\non the layer (% of test points)")
    right.axhline(100 * chance, color=GREY, lw=0.8, ls=":")
    right.set_ylim(None, 102)
    left.legend()
    return figure


def separation(subject: Subject, album: Album) -> None:
    """Fisher's ratio and a linear classifier's accuracy on each layer, over seeds."""
    fisher, linear = [], []
    fitted = subject.data.train.y[:POINTS].numpy()
    for row in subject.rows:
        ratios = [[fisher_ratio(z, subject.labels) for z in seed] for seed in row.test_layers]
        right = [
            [
                100 * linear_accuracy(z_fit, fitted, z, subject.labels)
                for z_fit, z in zip(train, test, strict=True)
            ]
            for train, test in zip(row.train_layers, row.test_layers, strict=True)
        ]
        fisher.append(ratios)
        linear.append(right)
    chance = np.bincount(subject.labels).max() / len(subject.labels)
    album.add(
        separation_by_layer(curves_of(subject, fisher), curves_of(subject, linear), float(chance)),
        "separation",
        f"Separation by layer: {subject.name}",
        f"On {subject.points}. Left: Fisher's ratio Σ n‖μ − μ̄‖² over Σ‖z − μ‖², μ the means of the classes. "
        f"Right: accuracy of the least-squares classifier fitted to {len(fitted)} training points; dotted: "
        f"the larger class. {SPREAD} A gap where all points of a seed coincide. {subject.seeds}.",
    )
