"""The rows that others are compared with, and by how much they differ."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bregman_exp.analysis.intervals import paired, welch
from bregman_exp.analysis.names import GROUPS, Facts, marks
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


def find_baselines(
    rows: Sequence[Facts], asked: str | None, clean: Mapping[int, float | None]
) -> tuple[dict[int, Facts], str]:
    """By line of a row the row it is compared with, without rows that have none; and what that is called.

    ``asked``: see ``Options``. By default the standard network is the baseline, of several the most accurate
    on ``clean`` data, which favours the other rows least. Raises ValueError where several rows are meant.
    """
    if asked == TWIN:
        return _twins(rows), "its twin, the standard row with all else the same"
    if asked == NO_BASELINE:
        return {}, ""
    standard = [row for row in rows if row["version"] == Version.STANDARD]
    if asked is not None:
        row = _named(rows, asked)
    elif len(rows) > 1:
        row = max(standard, key=lambda row: clean.get(row["line"]) or 0, default=None)
    else:
        row = None
    if row is None:
        return {}, ""
    why = f" (the most accurate of {len(standard)} standard rows)" if not asked and len(standard) > 1 else ""
    return {other["line"]: row for other in rows}, row["name"] + why


def _named(rows: Sequence[Facts], asked: str) -> Facts | None:
    """The row of this name or model, or whose name or hash begins so."""
    readings = (
        [row for row in rows if row["name"] == asked],
        [row for row in rows if row["model"] == asked],
        [row for row in rows if row["name"].startswith(asked)],
        [row for row in rows if row["row"].startswith(asked)],
    )
    meant = next(filter(None, readings), [])
    if len(meant) > 1:
        names = ", ".join(repr(row["name"]) for row in meant)
        raise ValueError(f"--baseline {asked!r} may be any of {names}; give one of these names.")
    return meant[0] if meant else None


def _twins(rows: Sequence[Facts]) -> dict[int, Facts]:
    """The standard row that differs in the version alone, for every row that has one."""
    standard = {_but_version(row): row for row in rows if row["version"] == Version.STANDARD}
    pairs = [(row["line"], standard.get(_but_version(row))) for row in rows]
    compared = {twin["line"] for line, twin in pairs if twin and line != twin["line"]}
    return {line: twin for line, twin in pairs if twin and twin["line"] in compared}


def _but_version(row: Facts) -> str:
    config = json.loads(row["config"])
    # a key that a later version added may be missing where it would be empty
    groups = {key: value for key, value in config.items() if _is_of_twins(key) and value not in EMPTY}
    return json.dumps([row["weights"], groups], sort_keys=True)


def _is_of_twins(key: str) -> bool:
    group, _, name = key.partition(".")
    if group == "trainer":
        return name in OF_TRAINER
    return group in GROUPS and name != "_target_" and key not in NOT_OF_TWINS


def difference(a: Sequence[Facts], b: Sequence[Facts]) -> tuple[Facts, str]:
    """Mean of a's figures − that of b's; {} where either has none; why there is no paired interval, or "".

    Welch's interval over seeds; of one seed each, the interval over the test samples that both saw.
    """
    marked = marks(figure["verdict"] for figure in (*a, *b))
    a, b = ([figure for figure in side if figure["accuracy"] is not None] for side in (a, b))
    if not a or not b:
        return {}, ""
    over_seeds = welch(*([figure["accuracy"] for figure in side] for side in (a, b)))
    interval, kind, wrong = over_seeds.ci95, "Welch", ""
    if len(a) == len(b) == 1:
        try:
            interval, kind = paired(*rights_of(a[0], b[0])).ci95, "paired"
        except ValueError as error:
            wrong = str(error)
    low, high = interval or (None, None)
    facts = {"difference": over_seeds.difference, "ci95_low": low, "ci95_high": high}
    return facts | {"interval": kind if interval else "", "difference_marks": marked}, wrong


def rights_of(a: Facts, b: Facts):
    """Which samples either figure (a line of the frame) counts as right; see ``rights``."""
    return rights(a["id"], *((figure["correct"], _folder(figure)) for figure in (a, b)))


def _folder(figure: Facts) -> RunFolder:
    run = RunFolder(Path(figure["run"]))
    return run.evaluation(figure["evaluation"]) if figure["evaluation"] else run
