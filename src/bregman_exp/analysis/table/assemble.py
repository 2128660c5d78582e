"""From the frame to tables: see that runs agree, group them into rows, compare, say what is missing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bregman_exp.analysis.names import Frame, Series, base_name
from bregman_exp.analysis.published import with_published
from bregman_exp.analysis.table.agreement import agreeing
from bregman_exp.analysis.table.baseline import Baseline, difference, find_baselines, no_such_row
from bregman_exp.analysis.table.caption import caption
from bregman_exp.analysis.table.columns import choose_columns, published_as, shown_figures, wanted
from bregman_exp.analysis.table.content import Cell, Footnotes, Line, Table
from bregman_exp.analysis.table.options import NO_BASELINE, TWIN, Options
from bregman_exp.analysis.table.remarks import PAIRED, remarks
from bregman_exp.analysis.table.rows import Row, rows_of
from bregman_exp.analysis.table.troubles import marked_figures, missing_figures, missing_seeds, seeds_in
from bregman_exp.runs.run_folder import NotARunError

UNFINISHED = ("running", "interrupted", "failed")


def tables_of(frame: Frame, options: Options | None = None) -> list[Table]:
    """One table of these runs, or with ``options.split`` one for each kind of runs that do not agree.

    Raises ValueError, in one sentence, where the runs do not agree and are not to be split, where none is
    complete, where no run has an attack that is asked for, and where no row is the baseline asked for;
    NotARunError where a run is damaged.
    """
    options = options or Options()
    for sentence in frame.loc[frame["state"] == "damaged", "error"]:
        raise NotARunError(sentence)
    figures = shown_figures(frame, options)
    unfinished = frame[frame["state"].isin(UNFINISHED) & (frame["evaluation"] == "")]
    _check_asked(frame, figures, unfinished, options)
    parts = agreeing(figures, options)
    homes = np.array([_home(run, parts) for _, run in unfinished.iterrows()], dtype=int)
    tables = [
        _Assembly(part, unfinished[homes == place], frame, options).table()
        for place, part in enumerate(parts)
    ]
    asked = options.baseline
    if asked not in (None, NO_BASELINE, TWIN) and not any(table.baseline for table in tables):
        raise no_such_row(asked, [line.name for table in tables for line in table.lines if line.seeds])
    return tables


def _check_asked(frame: Frame, figures: Frame, unfinished: Frame, options: Options) -> None:
    if figures.empty and options.weights and (frame["state"] == "complete").any():
        raise ValueError(
            f"no complete run has figures of its {options.weights} weights; evaluate them first."
        )
    if figures.empty:
        failed = int((unfinished["error"] != "").sum())
        raise ValueError(
            f"none of {len(unfinished)} runs is complete ({failed} failed); train or finish one first."
        )
    ids = set(figures["id"]) - {"clean"}
    for attack in options.attacks:
        if attack and not any(id_.startswith(attack) for id_ in ids):
            raise ValueError(
                f"no complete run has an attack whose id starts with {attack!r}; there are: "
                f"{', '.join(sorted(ids)) or 'none'}."
            )


def _home(run: Series, parts: Sequence[Frame]) -> int:
    """The table of an unfinished run: that of its row, else one of its data and epochs, else the first."""
    of_row = [place for place, part in enumerate(parts) if run["row"] and run["row"] in set(part["row"])]
    alike = [place for place, part in enumerate(parts) if _is_alike(run, part.iloc[0])]
    return next(iter([*of_row, *alike]), 0)


def _is_alike(unfinished: Mapping[str, Any] | Series, run: Mapping[str, Any] | Series) -> bool:
    """Whether both are of the same data and epochs; what an older version did not note says nothing."""
    names = ("fingerprint",) if unfinished["fingerprint"] else ("data_name",)
    return all(unfinished[name] == run[name] != "" for name in (*names, "budget"))


@dataclass
class _Assembly:
    """A table of figures that agree. ``unfinished``: the runs without figures that belong to it."""

    figures: Frame
    unfinished: Frame
    frame: Frame
    options: Options

    def table(self) -> Table:
        self.columns, chosen = choose_columns(wanted(self.figures, self.options.attacks))
        self.rows, twice = rows_of(chosen)
        self.notes = Footnotes()
        self.seeds = sorted({seed for row in self.rows for seed in row.seeds})
        baselines = find_baselines(self.rows, self.options.baseline)
        published = self._published()
        lines = [self._line(row, baselines.get(row.name), published) for row in self.rows]
        rest = self.unfinished[~self.unfinished["row"].isin({row.about["row"] for row in self.rows})]
        first = self.rows[0].about
        alike = np.array([_is_alike(run, first) for _, run in rest.iterrows()], dtype=bool)
        lines += self._empty_lines(rest[alike])
        same = {baseline.name for baseline in baselines.values()}
        told = remarks(self, chosen, lines, rest[~alike], baselines, twice)
        return Table(
            caption=caption(self.rows, self.columns, self.options),
            columns=tuple(self.columns),
            lines=tuple(lines),
            footnotes=tuple(self.notes.texts),
            remarks=tuple(told),
            baseline=next(iter(same)) if len(same) == 1 else "",
            data=first["data"],
            fingerprint=first["fingerprint"],
        )

    def _published(self) -> dict[tuple[str, str], dict[str, Any]]:
        """By row's name and measure, the published figure."""
        rows = pd.DataFrame([{**row.about, "row": row.name} for row in self.rows])
        found = with_published(rows, [published_as(column) for column in self.columns])
        names = ["mean", "std", "source", "remark", "data_there"]
        values = found[names].astype(object).where(found[names].notna(), None).to_dict("records")
        return dict(zip(zip(found["row"], found["measure"], strict=True), values, strict=True))

    def _line(self, row: Row, baseline: Baseline | None, published: Mapping[tuple[str, str], Any]) -> Line:
        name = row.name
        unfinished = self.unfinished[self.unfinished["row"] == row.about["row"]]
        missing = missing_seeds(row.seeds, self.seeds, unfinished)
        whole = [self.notes.add(f"{name}: {missing}")] if missing else []
        cells = [
            self._cell(row, place, baseline, published.get((name, published_as(column)), {}))
            for place, column in enumerate(self.columns)
        ]
        marked = marked_figures(row, self.columns, self.notes)
        holes = missing_figures(row, self.columns, self.notes)
        cells = [
            replace(cell, notes=(*whole, *cell.notes, *marked.get(i, ()), *holes.get(i, ())))
            for i, cell in enumerate(cells)
        ]
        about = row.about
        return Line(
            *(name, about["model"], about["act"], about["version"], about["weights"], about["row"]),
            *(row.epochs, row.seeds),
            expected=tuple(sorted({*self.seeds, *seeds_in(unfinished)})),
            failed=_failed(unfinished, row.seeds),
            cells=tuple(cells),
            notes=tuple(whole),
            baseline=baseline.name if baseline else "",
        )

    def _cell(self, row: Row, place: int, baseline: Baseline | None, published: Mapping[str, Any]) -> Cell:
        numbers = []
        cell = replace(row.cell(place), published=published)
        if baseline and row is not baseline.row:
            found, wrong = difference(row.figures(place), baseline.row.figures(place))
            cell = replace(cell, difference=found)
            numbers += [self.notes.add(PAIRED)] if found and found.by == "paired" else []
            numbers += (
                [self.notes.add(f"{row.name}: no interval beside the baseline: {wrong}")] if wrong else []
            )
        numbers += [self.notes.add(published["remark"])] if published.get("remark") else []
        return replace(cell, notes=tuple(numbers))

    def _empty_lines(self, unfinished: Frame) -> list[Line]:
        """A line for each row of which no run is complete."""
        rows: dict[tuple[str, ...], list[int]] = {}
        for place, run in enumerate(unfinished.to_dict("records")):
            name = base_name(run["model"], run["act"], json.loads(run["config"]))
            rows.setdefault((name, run["model"], run["act"], run["row"]), []).append(place)
        lines = []
        for (name, model, act, row), places in rows.items():
            runs = unfinished.iloc[places]
            number = self.notes.add(f"{name}: {missing_seeds((), self.seeds, runs)}")
            cells = (Cell({}, 0, "", (number,)),) * len(self.columns)
            expected = tuple(sorted({*self.seeds, *seeds_in(runs)}))
            facts = (name, model, act, "", "", row, "", ())
            lines.append(Line(*facts, expected, _failed(runs, ()), cells, (number,)))
        return lines


def _failed(unfinished: Frame, complete: Sequence[int]) -> tuple[int, ...]:
    """The seeds that failed and are nowhere complete."""
    return tuple(sorted(seeds_in(unfinished[unfinished["error"] != ""]) - set(complete)))
