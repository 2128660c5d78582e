"""Learning curves: loss and accuracy by epoch, on training and validation data."""

import csv
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bregman_exp.analysis.figures.album import Album
from bregman_exp.analysis.figures.rows import Row, label_of, place_of, strokes_of
from bregman_exp.analysis.figures.spread import SPREAD, Curve, draw_curve
from bregman_exp.analysis.figures.style import TEXT_WIDTH, legend_below, legend_entries, log_axis, print_style
from bregman_exp.runs import NotARunError, RunFolder
from bregman_exp.runs.metrics_file import as_recorded
from bregman_exp.runs.reading import read_text

QUANTITIES = ("train/loss", "val/loss", "train/accuracy", "val/accuracy")
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


def curves(rows: Sequence[Row], album: Album) -> None:
    """Loss and accuracy by epoch."""
    labels = [label_of(row, rows) for row in rows]
    strokes = strokes_of(labels, [row.version for row in rows])
    drawn: dict[str, list[Curve]] = {quantity: [] for quantity in QUANTITIES}
    for label, row in zip(labels, rows, strict=True):
        for quantity, values in learned(row).items():
            epochs = np.arange(1, values.shape[1] + 1)
            drawn[quantity].append(Curve(label, strokes[label], epochs, values))
    counts = ", ".join(
        f"{label}: {len(row.seeds)} seed{'s' * (len(row.seeds) > 1)}"
        for label, row in zip(labels, rows, strict=True)
    )
    album.add(
        learning_curves(drawn),
        "curves",
        f"Learning curves: {place_of(rows)}",
        "Loss and accuracy by epoch on the training data (as seen during the epoch) and the validation data. "
        f"{SPREAD} Epochs that all seeds of a row have; {counts}.",
    )


def learned(row: Row) -> dict[str, np.ndarray]:
    """(seeds, epochs) of each quantity, accuracies in percent, for the epochs that all seeds have."""
    tables = [_read_curves(folder) for folder in row.folders]
    epochs = min(len(table) for table in tables)
    return {
        quantity: np.array([[float(line[quantity]) for line in table[:epochs]] for table in tables])
        * (100 if quantity.endswith("accuracy") else 1)
        for quantity in QUANTITIES
    }


def _read_curves(folder: RunFolder) -> list[dict[str, str]]:
    """The lines of metrics.csv; ValueError, in one sentence, where there are none or others than recorded."""
    if as_recorded(folder.curves, folder.read_metrics()) is False:
        raise ValueError(f"{folder.curves} is missing or damaged")
    try:
        lines = list(csv.DictReader(read_text(folder.curves).splitlines()))
    except (OSError, NotARunError):
        lines = []
    try:
        usable = bool(lines) and all(
            float(line[name]) == float(line[name]) for line in lines for name in QUANTITIES
        )
    except (KeyError, TypeError, ValueError):
        usable = False
    if not usable:
        raise ValueError(f"{folder.curves} is missing or damaged")
    return lines
