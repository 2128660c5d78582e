"""Learning curves: loss and accuracy by epoch, on training and validation data."""

from io import StringIO
from itertools import product
from pathlib import Path

import pandas as pd

from bregman_exp.analysis.figures.album import Drawing, Kind
from bregman_exp.analysis.figures.rows import own, same_architecture, seed_counts
from bregman_exp.analysis.figures.style import BANDS, draw_bands, legend_below, log_axis, page
from bregman_exp.analysis.names import Frame
from bregman_exp.runs import RunFolder
from bregman_exp.runs.metrics_file import as_recorded
from bregman_exp.runs.reading import read_text

PARTS = {"train": "training", "val": "validation"}
UNITS = {"loss": "cross-entropy (nats)", "accuracy": "accuracy (%)"}


@Kind("Learning curves", same_architecture)
def curves(lines: Frame) -> list[Drawing]:
    """Loss (nats, logarithmic) and accuracy (percent) by epoch."""
    runs = own(lines)
    tables = [learning_curves(RunFolder(Path(path))) for path in runs["run"]]
    figure = page(height=4.2)
    panels = figure.subplots(2, 2, sharex=True, sharey="row").flat
    for panel, (quantity, part) in zip(panels, product(UNITS, PARTS), strict=True):
        if quantity == "loss":
            panel.set_title(PARTS[part])
            log_axis(panel)
        values = pd.concat([table[f"{part}/{quantity}"] for table in tables], axis=1).T  # NaN at ends
        percent = 100 if quantity == "accuracy" else 1
        draw_bands(panel, runs, percent * values.to_numpy(float), first=1, marked=0)
        panel.set(xlabel="epoch", ylabel=UNITS[quantity])
        panel.label_outer()
    legend_below(figure)
    caption = (
        "Loss and accuracy by epoch on the training data (as seen during the epoch) and the validation data. "
        f"{BANDS} Epochs that all seeds of a row have; {seed_counts(lines)}."
    )
    return [Drawing(figure, caption)]


def learning_curves(folder: RunFolder) -> Frame:
    """metrics.csv, a line an epoch; ValueError, in one sentence, unless it is whole and as recorded."""
    quantities = [f"{part}/{quantity}" for part, quantity in product(PARTS, UNITS)]
    try:
        recorded = as_recorded(folder.curves, folder.read_metrics()) is not False
        table = pd.read_csv(StringIO(read_text(folder.curves)), usecols=quantities, dtype=float)
    except (OSError, ValueError):
        recorded, table = False, pd.DataFrame()
    if not recorded or table.empty or table.isna().any(axis=None):
        raise ValueError(f"{folder.curves} is missing or damaged")
    return table
