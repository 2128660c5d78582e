"""The cells of one table: the runs as rows, their statistics over seeds, and what stands beside them."""

import json
from statistics import mean, stdev

import pandas as pd

from bregman_exp.analysis.frame import ROW
from bregman_exp.analysis.names import Facts, Frame, Series, marks, row_names
from bregman_exp.analysis.published import SOURCES, with_published
from bregman_exp.analysis.table import remarks
from bregman_exp.analysis.table.baseline import difference, find_baselines
from bregman_exp.analysis.table.caption import caption, span
from bregman_exp.analysis.table.columns import choose_columns, left_out, records, wanted
from bregman_exp.analysis.table.content import Table
from bregman_exp.analysis.table.footnotes import (
    Footnotes,
    marked_figures,
    missing_figures,
    missing_seeds,
    not_complete,
    seeds_in,
)
from bregman_exp.analysis.table.options import Options

EMPTY = {"mean": None, "std": None, "n_seeds": 0, "values": "", "marks": ""}
BESIDE = dict.fromkeys((
    "published_mean", "published_std", "published_source",
    "difference", "ci95_low", "ci95_high", "interval", "difference_marks",
))  # fmt: skip


def rows_of(chosen: Frame) -> tuple[list[Facts], Frame, list[str]]:
    """The rows by model, activation, depth and name; their figures, with the ``line`` of the row, by seed;
    and the paths of runs whose seed another run of the row has.

    A row is the frame's line of its first run, with ``name``, ``line``, ``seeds`` and the span of ``epochs``.
    """
    runs = chosen.drop_duplicates("run")
    counted = runs.drop_duplicates([*ROW, "seed"])
    rows = counted.sort_values([*ROW, "seed"], kind="stable").drop_duplicates(ROW)
    depths = [json.loads(config).get("model.depth", 0) for config in rows["config"]]
    rows = rows.assign(name=row_names(rows), depth=depths)
    rows = rows.sort_values(["model", "act", "depth", "name"], kind="stable", ignore_index=True)
    rows["line"] = rows.index
    figures = chosen[chosen["run"].isin(counted["run"])].merge(rows[[*ROW, "name", "line"]], on=ROW)
    figures = figures.sort_values(["line", "seed"], kind="stable")
    of_line = figures.drop_duplicates("run").groupby("line")
    rows = rows.assign(seeds=of_line["seed"].agg(tuple), epochs=of_line["epochs"].agg(span))
    return records(rows), figures, list(runs.loc[~runs["run"].isin(counted["run"]), "run"])


def statistics_of(figures: Frame) -> dict[tuple[int, int], Facts]:
    """By line and column, over the seeds: mean, sample standard deviation, values, marks."""
    reported = figures[figures["accuracy"].notna()]
    values = [f"{seed}:{float(x)!r}" for seed, x in zip(reported["seed"], reported["accuracy"], strict=True)]
    by_cell = ["line", "column"]
    statistics = (
        reported.assign(value=values)
        .groupby(by_cell)
        .agg(
            mean=("accuracy", mean),
            std=("accuracy", lambda accuracies: stdev(accuracies) if len(accuracies) > 1 else None),
            n_seeds=("accuracy", "size"),
            values=("value", " ".join),
        )
    )
    cells = figures.groupby(by_cell)["verdict"].agg(marks).to_frame("marks").join(statistics)
    return dict(zip(cells.index, ({**EMPTY, **_given(cell)} for cell in records(cells)), strict=True))


def _given(facts: Facts) -> Facts:
    return {name: value for name, value in facts.items() if value is not None}


class Assembly:
    """A table of figures that agree."""

    def __init__(self, figures: Frame, options: Options) -> None:
        self.all_figures, self.options = figures, options
        self.columns, self.chosen = choose_columns(wanted(figures, options.attacks))
        self.rows, self.figures, self.twice = rows_of(self.chosen)
        self.seeds = sorted({seed for row in self.rows for seed in row["seeds"]})
        self.notes = Footnotes()
        self.of_line = dict(list(self.figures.groupby("line")))
        self.statistics = statistics_of(self.figures)
        self.by_cell: dict[tuple[int, int], list[Facts]] = {}
        names = ["line", "column", "run", "evaluation", "id", "correct", "accuracy", "verdict"]
        for figure in records(self.figures[names]):
            self.by_cell.setdefault((figure["line"], figure["column"]), []).append(figure)
        measures = [column["published"] for column in self.columns]
        self.published = with_published(pd.DataFrame(self.rows), measures)
        places = zip(self.published["line"], self.published["measure"], strict=True)
        self.published_of = dict(zip(places, records(self.published), strict=True))

    def table(self, unfinished: Frame, alike: Series, frame: Frame) -> Table:
        """``unfinished``: the runs without figures that belong to it; ``alike``: whether each is of its data
        and epochs; ``frame``: all runs."""
        clean = {line: cell["mean"] for (line, column), cell in self.statistics.items() if column == 0}
        baselines, described = find_baselines(self.rows, self.options.baseline, clean)
        in_rows = unfinished["row"].isin([row["row"] for row in self.rows])
        cells = []
        of_row = dict(list(unfinished.groupby("row")))
        for row in self.rows:
            cells += self._cells(row, of_row.get(row["row"], unfinished[:0]), baselines.get(row["line"]))
        cells += self._cells_without_figures(unfinished[~in_rows & alike])
        whole = pd.DataFrame(cells, dtype=object)
        below = self._remarks(whole, unfinished[~in_rows & ~alike], described, frame)
        runs = self.figures.drop_duplicates("run")
        return Table(
            caption(self.rows, runs, self.columns, self.options), whole, list(self.notes.numbers), below
        )

    def _remarks(self, cells: Frame, elsewhere: Frame, baseline: str, frame: Frame) -> list[str]:
        """``elsewhere``: runs that are not complete and of other data."""
        codes = set(self.all_figures["trained_with"]).union(*(column["codes"] for column in self.columns))
        others = left_out(self.all_figures, self.chosen)
        return [
            *remarks.of_baseline(baseline, cells, self.options),
            *remarks.of_published(self.rows[0], self.published),
            *([] if elsewhere.empty else [f"not complete: {not_complete(elsewhere)}"]),
            *([f"there twice, counted once: {', '.join(self.twice)}"] if self.twice else []),
            *remarks.of_code(codes),
            *remarks.of_evaluations(frame, self.chosen),
            *([f"not shown (--attack ID): {', '.join(others)}"] if others else []),
        ]

    def _cells_without_figures(self, unfinished: Frame) -> list[Facts]:
        """Of each row of which no run is complete."""
        # a folder of an older version does not say its row
        keys = unfinished["row"].where(unfinished["row"] != "", unfinished["config"].astype(object))
        firsts = unfinished[~keys.duplicated()]
        named = pd.concat([pd.DataFrame(self.rows), firsts.assign(weights=self.rows[0]["weights"])])
        names = row_names(named[["model", "act", "row", "weights", "config"]])[len(self.rows) :]
        cells = []
        groups = zip(names, unfinished.groupby(keys, sort=False), strict=True)
        for line, (name, (_, runs)) in enumerate(groups, start=len(self.rows)):
            row = {"name": name} | {fact: runs[fact].iloc[0] for fact in ("model", "act", "row")}
            row |= {"line": line, "version": "", "weights": "", "epochs": "", "seeds": ()}
            cells += self._cells(row, runs, None)
        return cells

    def _cells(self, row: Facts, unfinished: Frame, baseline: Facts | None) -> list[Facts]:
        missing = missing_seeds(row["seeds"], self.seeds, unfinished)
        row_notes = self.notes.add(*(f"{row['name']}: {text}" for text in missing))
        cells = [self._cell(row, place, baseline) for place in range(len(self.columns))]
        figures = self.of_line.get(row["line"], self.figures.iloc[:0])
        noted = marked_figures(row["name"], figures, self.columns)
        for text, places in [*noted, *missing_figures(row, figures, self.columns)]:
            for place in places:
                cells[place]["notes"] += self.notes.add(text)
        facts = self._about(row, unfinished, baseline)
        return [
            facts
            | _of_column(column)
            | cell
            | {"notes": [*row_notes, *cell["notes"]], "row_notes": row_notes}
            | {"line": row["line"], "column": place}
            for place, (column, cell) in enumerate(zip(self.columns, cells, strict=True))
        ]

    def _about(self, row: Facts, unfinished: Frame, baseline: Facts | None) -> Facts:
        """``missing``: seeds that other rows have, or that are not complete; ``failed``: those of them that
        failed."""
        failed = seeds_in(unfinished[unfinished["error"] != ""])
        return {
            **{name: self.rows[0][name] for name in ("data", "fingerprint")},
            "row": row["name"],
            "baseline": baseline["name"] if baseline else "",
            **{name: row[name] for name in ("model", "act", "version", "weights")},
            "row_hash": row["row"],
            **{name: row[name] for name in ("epochs", "seeds")},
            "missing": sorted({*self.seeds, *seeds_in(unfinished)} - {*row["seeds"]}),
            "failed": sorted(failed - {*row["seeds"]}),
        }

    def _cell(self, row: Facts, place: int, baseline: Facts | None) -> Facts:
        """A row in a column: its statistics, the published figure, the difference to the baseline."""
        cell = EMPTY | self.statistics.get((row["line"], place), {}) | BESIDE
        notes: list[int] = []
        if baseline and baseline["line"] != row["line"]:
            own, others = (self.by_cell.get((line, place), []) for line in (row["line"], baseline["line"]))
            facts, wrong = difference(own, others)
            cell |= facts
            notes += self.notes.add(remarks.PAIRED) if cell["interval"] == "paired" else []
            text = f"{row['name']}: no interval beside the baseline: {wrong}"
            notes += self.notes.add(text) if wrong else []
        figure = self.published_of.get((row["line"], self.columns[place]["published"]))
        if figure:
            std = figure["std"]
            cell["published_mean"] = round(figure["mean"] / 100, 6)
            cell["published_std"] = None if std is None else round(std / 100, 6)
            cell["published_source"] = SOURCES[figure["source"]]
            notes += self.notes.add(figure["remark"]) if figure["remark"] else []
        return cell | {"notes": notes}


def _of_column(column: Facts) -> Facts:
    settings = {name: column["settings"].get(name) for name in ("steps", "restarts", "rel_step", "loss")}
    names = ("id", "heading", "attack", "norm", "eps", "n")
    return {name: column[name] for name in names} | settings | {"code": " ".join(column["codes"])}
