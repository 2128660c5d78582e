"""The rows of a table: runs that differ only in their seed."""

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bregman_exp.analysis.frame import ROW
from bregman_exp.analysis.names import Frame, Series, marks, row_names
from bregman_exp.analysis.table.content import Cell


@dataclass(frozen=True)
class Row:
    """``about``: the line of its first run; ``runs``: its runs by seed; ``cells``: by a column's place, the
    lines of the runs that have a figure there."""

    name: str
    about: dict[str, Any]
    runs: Frame
    cells: dict[int, Frame]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(map(int, self.runs["seed"]))

    @property
    def epochs(self) -> str:
        """E.g. "500"; with early stopping perhaps "17–23"."""
        return span(self.runs["epochs"])

    def cell(self, column: int) -> Cell:
        figures = self.figures(column)
        reported = figures[figures["accuracy"].notna()]
        by_seed = {
            int(seed): float(x) for seed, x in zip(reported["seed"], reported["accuracy"], strict=True)
        }
        return Cell(by_seed, len(self.runs), marks(figures["verdict"]))

    def figures(self, column: int) -> Frame:
        return self.cells.get(column, self.runs.iloc[:0])


def span(numbers: Series) -> str:
    """E.g. "500", "17–23"."""
    return "–".join(map(str, dict.fromkeys((numbers.min(), numbers.max()))))


def rows_of(chosen: Frame) -> tuple[list[Row], list[str]]:
    """By model, activation and depth; and the paths of runs whose seed another run of the row has."""
    runs = chosen.drop_duplicates("run").sort_values(ROW, kind="stable")
    counted = runs.drop_duplicates([*ROW, "seed"])
    twice = runs.loc[~runs["run"].isin(counted["run"]), "run"]
    kept = chosen[chosen["run"].isin(counted["run"])].sort_values("seed", kind="stable")
    groups = list(counted.sort_values([*ROW, "seed"], kind="stable").groupby(ROW, sort=True))
    cells = {key: dict(list(part.groupby("column"))) for key, part in kept.groupby(ROW)}
    names = row_names(pd.DataFrame([part.iloc[0] for _, part in groups]))
    rows = [
        Row(name, dict(part.iloc[0]), part, cells[key])
        for name, (key, part) in zip(names, groups, strict=True)
    ]
    order = list(chosen["run"])
    return sorted(rows, key=_order), sorted(twice, key=order.index)


def _order(row: Row) -> tuple[Any, ...]:
    return row.about["model"], row.about["act"], config_of(row.about).get("model.depth", 0), row.name


def config_of(about: dict[str, Any]) -> dict[str, Any]:
    return json.loads(about["config"])
