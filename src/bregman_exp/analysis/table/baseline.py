"""The row that others are compared with, and by how much they differ."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bregman_exp.analysis.names import GROUPS, Frame, marks
from bregman_exp.analysis.statistics import paired, welch
from bregman_exp.analysis.table.content import Difference
from bregman_exp.analysis.table.options import NO_BASELINE, TWIN
from bregman_exp.analysis.table.rows import Row, config_of
from bregman_exp.runs.predictions import rights
from bregman_exp.runs.record import Version
from bregman_exp.runs.run_folder import RunFolder

# what twins may differ in: the version, the clamp that a standard network does not have, where it was trained
NOT_OF_TWINS = (
    "model.version",
    "model.clamp",
    "dataset.root",
    "dataset.download",
    "dataset.eps",
    "dataset.label",
)
OF_TRAINER = ("max_epochs", "batch_size", "precision", "patience", "devices", "sync_batchnorm")


@dataclass(frozen=True)
class Baseline:
    """``why``: how it was chosen, where nobody named it."""

    row: Row
    why: str = ""

    @property
    def name(self) -> str:
        return self.row.name


def find_baselines(rows: Sequence[Row], asked: str | None) -> dict[str, Baseline]:
    """By name of a row the one it is compared with, a baseline itself; without those that have none."""
    if asked == TWIN:
        return _twins(rows)
    one = _find(rows, asked)
    return {row.name: one for row in rows} if one else {}


def _twins(rows: Sequence[Row]) -> dict[str, Baseline]:
    """The standard row that differs in the version alone, for every row that has one."""
    standard = {_but_version(row): row for row in rows if row.about["version"] == Version.STANDARD}
    pairs = {row.name: standard[key] for row in rows if (key := _but_version(row)) in standard}
    compared = {twin.name for name, twin in pairs.items() if name != twin.name}
    return {name: Baseline(twin) for name, twin in pairs.items() if twin.name in compared}


def _but_version(row: Row) -> str:
    config = config_of(row.about)
    groups = {key: value for key, value in config.items() if _is_of_twins(*key.partition("."))}
    return json.dumps([row.about["weights"], groups], sort_keys=True)


def _is_of_twins(group: str, dot: str, name: str) -> bool:
    if group == "trainer":
        return name in OF_TRAINER
    return group in GROUPS and name != "_target_" and f"{group}{dot}{name}" not in NOT_OF_TWINS


def _find(rows: Sequence[Row], asked: str | None) -> Baseline | None:
    """The row asked for, by name, model or start of its name or hash; by default the standard network.

    Of several standard rows the most accurate, which makes the least of the others. None where there is no
    such row. Raises ValueError where several rows are meant.
    """
    if asked == NO_BASELINE:
        return None
    if asked is None:
        return _default(rows)
    readings = (
        [row for row in rows if row.name == asked],
        [row for row in rows if row.about["model"] == asked],
        [row for row in rows if row.name.startswith(asked)],
        [row for row in rows if row.about["row"].startswith(asked)],
    )
    meant = next((found for found in readings if found), [])
    if len(meant) > 1:
        names = _listed([row.name for row in meant])
        raise ValueError(f"--baseline {asked!r} may be any of {names}; give one of these names.")
    return Baseline(meant[0]) if meant else None


def no_such_row(asked: str, names: Sequence[str]) -> ValueError:
    return ValueError(
        f"no row is --baseline {asked!r}; there are {_listed(names)}, {TWIN} and {NO_BASELINE}."
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def _default(rows: Sequence[Row]) -> Baseline | None:
    standard = [row for row in rows if row.about["version"] == Version.STANDARD]
    if not standard or len(rows) < 2:
        return None
    best = max(standard, key=lambda row: row.cell(0).mean or 0)  # column 0: clean data
    return Baseline(best, f"the most accurate of {len(standard)} standard rows" if len(standard) > 1 else "")


@dataclass(frozen=True)
class Counted:
    """A figure of which ``rights`` wants to know the samples."""

    correct: int | None
    folder: RunFolder


def counted(line: Mapping[str, object]) -> Counted:
    """The figure of a line of the frame."""
    run, evaluation = RunFolder(Path(str(line["run"]))), str(line["evaluation"])
    correct: Any = line["correct"]
    folder = run.evaluation(evaluation) if evaluation else run
    return Counted(None if pd.isna(correct) else int(correct), folder)


def difference(a: Frame, b: Frame) -> tuple[Difference | None, str]:
    """Mean of a's figures − that of b's, None where either has none; why there is no paired interval, or "".

    Welch's interval over seeds; of one seed each, the interval over the test samples that both saw.
    """
    marked = marks([*a["verdict"], *b["verdict"]])
    a, b = a[a["accuracy"].notna()], b[b["accuracy"].notna()]
    if a.empty or b.empty:
        return None, ""
    found = welch(list(map(float, a["accuracy"])), list(map(float, b["accuracy"])))
    if len(a) > 1 or len(b) > 1:
        return Difference(found.difference, found.ci95, "Welch" if found.ci95 else "", marked), ""
    try:
        result = paired(*rights(a["id"].iloc[0], counted(a.iloc[0].to_dict()), counted(b.iloc[0].to_dict())))
    except ValueError as error:
        return Difference(found.difference, None, "", marked), str(error)
    return Difference(found.difference, result.ci95, "paired", marked), ""
