"""Figures over seeds, the rows that others are compared with, and by how much they differ."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

import pandas as pd

from bregman_exp.analysis.intervals import paired, welch
from bregman_exp.analysis.names import GROUPS, Facts, Frame, Series, marks, named
from bregman_exp.analysis.table.options import NO_BASELINE, TWIN
from bregman_exp.runs.predictions import rights
from bregman_exp.runs.record import Version
from bregman_exp.runs.run_folder import RunFolder

# what twins may differ in: the version, the clamp that a standard network does not have, where it was trained
EMPTY = (None, False, "", [])
NOT_OF_TWINS = {
    "model.version", "model.clamp", "dataset.root", "dataset.download", "dataset.eps", "dataset.label"
}  # fmt: skip
OF_TRAINER = ("max_epochs", "batch_size", "precision", "patience", "devices", "sync_batchnorm")


def find_baselines(rows: Frame, asked: str | None) -> tuple[Series, str]:
    """By line of a row the line of the row it is compared with, or NaN; and what that is called, or "".

    ``asked``: see ``Options``. By default the standard network is the baseline, of several the most accurate
    on ``clean`` data, which favours the other rows least. Raises ValueError where several rows are meant.
    """
    if asked == TWIN:
        return _twins(rows), "its twin, the standard row with all else the same"
    standard, why = rows[rows["version"] == Version.STANDARD], ""
    if asked == NO_BASELINE or (asked is None and len(rows) == 1):
        row = rows[:0]
    elif asked is not None:
        row = named(rows, asked)
    else:
        row = standard.nlargest(1, "clean")
        why = f" (the most accurate of {len(standard)} standard rows)" if len(standard) > 1 else ""
    if row.empty:
        return pd.Series(None, rows.index, dtype=object), ""
    return pd.Series(row.index[0], rows.index), row["name"].iloc[0] + why


def _twins(rows: Frame) -> Series:
    """The standard row that differs in the version alone, for every row that has one."""
    keys = rows[["weights", "config"]].agg(_but_version, axis=1)
    standard = keys[rows["version"] == Version.STANDARD]
    twins = keys.map({key: line for line, key in standard.items()})
    compared = twins[twins.index != twins]
    return twins.where(twins.isin(compared.dropna()))


def _but_version(row: Series) -> str:
    # a key that a later version added may be missing where it would be empty
    config = json.loads(row["config"]).items()
    groups = {key: value for key, value in config if _is_of_twins(key) and value not in EMPTY}
    return json.dumps([row["weights"], groups], sort_keys=True)


def _is_of_twins(key: str) -> bool:
    group, _, name = key.partition(".")
    if group == "trainer":
        return name in OF_TRAINER
    return group in GROUPS and name != "_target_" and key not in NOT_OF_TWINS


def over_seeds(figures: Sequence[Facts]) -> Facts:
    """One figure of several seeds: mean and deviation; of a single seed also the figure itself."""
    reported = [figure for figure in figures if figure["accuracy"] is not None]
    accuracies = [float(figure["accuracy"]) for figure in reported]
    return {
        **(reported[0] if reported else {}),
        "mean": mean(accuracies) if accuracies else None,
        "std": stdev(accuracies) if len(accuracies) > 1 else None,
        "n_seeds": len(accuracies),
        "values": " ".join(f"{f['seed']}:{x!r}" for f, x in zip(reported, accuracies, strict=True)),
        "accuracies": accuracies,
        "verdicts": {figure["verdict"] for figure in figures},
        "figures": figures,
    }


def difference(a: Facts, b: Facts) -> Facts:
    """Mean of cell a − that of b. ``unpaired``: why there is no interval of two networks, or "".

    Welch's interval over seeds; of one seed each, the interval over the test samples that both saw.
    """
    if not a["n_seeds"] or not b["n_seeds"]:
        return {}
    (value, interval), kind, unpaired = welch(a["accuracies"], b["accuracies"]), "Welch", ""
    if a["n_seeds"] == b["n_seeds"] == 1:
        try:
            interval, kind = paired(*rights_of(a, b)).ci95, "paired"
        except ValueError as error:
            unpaired = f"{a['row']}: no interval beside the baseline: {error}"
    low, high = interval or (None, None)
    facts = {"difference": value, "ci95_low": low, "ci95_high": high, "interval": kind if interval else ""}
    return facts | {"difference_marks": marks({*a["verdicts"], *b["verdicts"]}), "unpaired": unpaired}


def rights_of(a: Facts, b: Facts):
    """Which samples either figure (with the frame's run, evaluation, id, correct) counts as right."""
    return rights(
        a["id"], *((f["correct"], RunFolder(Path(f["run"])).evaluation(f["evaluation"])) for f in (a, b))
    )
