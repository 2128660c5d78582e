"""The row that others are compared with, and by how much they differ."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bregman_exp.results.marks import marks
from bregman_exp.results.predictions import rights
from bregman_exp.results.statistics import paired, welch
from bregman_exp.results.table.columns import Chosen
from bregman_exp.results.table.content import Difference
from bregman_exp.results.table.options import NO_BASELINE, TWIN
from bregman_exp.results.table.rows import Row
from bregman_exp.results.table.unfinished import training_of


@dataclass(frozen=True)
class Baseline:
    """``why``: how it was chosen, where nobody named it."""

    name: str
    row: Row
    why: str = ""


def find_baselines(rows: Mapping[str, Row], asked: str | None) -> dict[str, Baseline]:
    """By name of a row the one it is compared with, a baseline itself; without those that have none."""
    if asked == TWIN:
        return _twins(rows)
    one = find_baseline(rows, asked)
    return dict.fromkeys(rows, one) if one else {}


def _twins(rows: Mapping[str, Row]) -> dict[str, Baseline]:
    """The standard row that differs in the version alone, for every row that has one."""
    standard = {_but_version(row): name for name, row in rows.items() if row.first.version == "standard"}
    pairs = {name: standard[key] for name, row in rows.items() if (key := _but_version(row)) in standard}
    compared = {twin for name, twin in pairs.items() if name != twin}
    return {name: Baseline(twin, rows[twin]) for name, twin in pairs.items() if twin in compared}


def _but_version(row: Row) -> str:
    """All that makes a row, without its version and the clamp, which a standard network does not have."""
    config = {k: v for k, v in training_of(row.config).items() if k not in ("model.version", "model.clamp")}
    return json.dumps([row.first.record["weights"], config], sort_keys=True)


def find_baseline(rows: Mapping[str, Row], asked: str | None) -> Baseline | None:
    """The row asked for, by name, model or start of its name or hash; by default the standard network.

    Of several standard rows the most accurate, which makes the least of the others. None where there is no
    such row. Raises ValueError where several rows are meant.
    """
    if asked == NO_BASELINE:
        return None
    if asked is None:
        return _default(rows)
    ways = (
        [name for name in rows if name == asked],
        [name for name, row in rows.items() if row.first.record["model"] == asked],
        [name for name in rows if name.startswith(asked)],
        [name for name, row in rows.items() if row.first.record["row_hash"].startswith(asked)],
    )
    meant = next((names for names in ways if names), [])
    if len(meant) > 1:
        raise ValueError(f"--baseline {asked!r} may be any of {_list(meant)}; give one of these names.")
    return Baseline(meant[0], rows[meant[0]]) if meant else None


def no_such_row(asked: str, names: Sequence[str]) -> ValueError:
    return ValueError(f"no row is --baseline {asked!r}; there are {_list(names)}, {TWIN} and {NO_BASELINE}.")


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def _default(rows: Mapping[str, Row]) -> Baseline | None:
    standard = {name: row for name, row in rows.items() if row.first.version == "standard"}
    if not standard or len(rows) < 2:
        return None
    best = max(standard, key=lambda name: standard[name].clean.mean or 0)
    why = f"the most accurate of {len(standard)} standard rows" if len(standard) > 1 else ""
    return Baseline(best, standard[best], why)


def difference(row: Row, baseline: Row, chosen: Chosen) -> tuple[Difference | None, str]:
    """The row's mean − the baseline's in this column, None where either has none; and what is wrong, or "".

    Welch's interval over seeds; of one seed each, the interval over the test samples that both saw.
    """
    figures = [list(one.figures(chosen.measures).values()) for one in (row, baseline)]
    there = [[figure for figure in several if figure.accuracy is not None] for several in figures]
    if not there[0] or not there[1]:
        return None, ""
    a, b = ([figure.accuracy or 0.0 for figure in several] for several in there)
    found, marked = welch(a, b), marks(figure.verdict for several in figures for figure in several)
    if len(a) > 1 or len(b) > 1:
        return Difference(found.difference, found.ci95, "Welch" if found.ci95 else "", marked), ""
    try:
        result = paired(*rights(chosen.column.id, there[0][0], there[1][0]))
    except ValueError as error:
        return Difference(found.difference, None, "", marked), str(error)
    return Difference(found.difference, result.ci95, "paired", marked), ""
