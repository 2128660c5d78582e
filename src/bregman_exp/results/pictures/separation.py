"""Separation per layer: how far apart the classes are in each layer's representation."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from bregman_exp.results.pictures.axes import log_axis
from bregman_exp.results.pictures.spread import Curve, draw_curve
from bregman_exp.results.pictures.style import GREY, TEXT_WIDTH, print_style


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
