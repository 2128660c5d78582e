"""Learning curves: loss and accuracy by epoch, on training and validation data."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bregman_exp.results.pictures.axes import legend_below, legend_entries, log_axis
from bregman_exp.results.pictures.spread import Curve, draw_curve
from bregman_exp.results.pictures.style import TEXT_WIDTH, print_style

PARTS = {"train": "training", "val": "validation"}


@print_style()
def learning_curves(curves: Mapping[str, Sequence[Curve]]) -> Figure:
    """``curves``: those of "train/loss" and "val/loss" (nats, drawn logarithmically), "train/accuracy" and
    "val/accuracy" (percent), by epoch from 1."""
    figure = Figure(figsize=(TEXT_WIDTH, 4.2), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey="row")
    for column, (part, words) in enumerate(PARTS.items()):
        panels[0, column].set_title(words)
        log_axis(panels[0, column])
        panels[1, column].set_xlabel("epoch")
        panels[1, column].xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        for row, quantity in enumerate(("loss", "accuracy")):
            for curve in curves[f"{part}/{quantity}"]:
                draw_curve(panels[row, column], curve)
    panels[0, 0].set_ylabel("cross-entropy (nats)")
    panels[1, 0].set_ylabel("accuracy (%)")
    legend_below(figure, legend_entries(panels[0, 0]))
    return figure
