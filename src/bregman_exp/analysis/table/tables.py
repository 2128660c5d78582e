"""From the frame to tables: see that runs agree, which table each belongs to, and make it."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean, stdev

import numpy as np
import pandas as pd

from bregman_exp.analysis.names import Facts, Frame, Series, marks, records
from bregman_exp.analysis.published import published_beside
from bregman_exp.analysis.table import notes
from bregman_exp.analysis.table.agreement import DifferingRunsError, agreeing
from bregman_exp.analysis.table.baseline import NO_DIFFERENCE, difference, find_baselines
from bregman_exp.analysis.table.caption import caption
from bregman_exp.analysis.table.columns import candidates, choose_columns, shown_figures
from bregman_exp.analysis.table.content import CELLS, NOTES, OF_COLUMN, OF_ROW, PLACE, Table
from bregman_exp.analysis.table.options import NO_BASELINE, TWIN, Options
from bregman_exp.analysis.table.rows import rows_of, with_unfinished
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
    homes = _homes(unfinished, parts)
    tables = [_table(part, unfinished[homes == i], frame, options) for i, part in enumerate(parts)]
    asked = options.baseline
    if asked not in (None, NO_BASELINE, TWIN) and not any(table.cells["baseline"].any() for table in tables):
        rows = pd.concat([table.cells for table in tables])
        names = ", ".join(map(repr, rows.loc[rows["seeds"].map(len) > 0, "row"].unique()))
        raise ValueError(f"no row is --baseline {asked!r}; there are {names}, {TWIN} and {NO_BASELINE}.")
    return tables


def comparable_tables(frame: Frame, options: Options) -> tuple[list[Table], str]:
    """One table or, where the runs do not agree and ``options.split`` allows it, several; and why, or "".

    Raises as ``tables_of``.
    """
    try:
        return tables_of(frame, replace(options, split=False)), ""
    except DifferingRunsError as error:
        if not options.split:
            raise
        reason = f"The runs do not share one table: they differ in {error.differing}."
        return tables_of(frame, options), reason


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


def _homes(unfinished: Frame, parts: Sequence[Frame]) -> np.ndarray:
    """The table of each unfinished run: that of its row, else one of its data and epochs, else the first."""
    scores = [
        _is_alike(unfinished, part).astype(int).mask(unfinished["row"].isin(part["row"]), 2) for part in parts
    ]
    return np.argmax(scores, axis=0)


def _is_alike(unfinished: Frame, figures: Frame) -> Series:
    """Whether they are of the data and epochs of these figures; older runs did not note the fingerprint."""
    run = figures.iloc[0]
    same_name = (unfinished["data_name"] == run["data_name"]) & (unfinished["data_name"] != "")
    same_data = unfinished["fingerprint"] == run["fingerprint"]
    same_data = same_data.where(unfinished["fingerprint"] != "", same_name)
    return same_data & (unfinished["budget"] == run["budget"])


def _table(figures: Frame, unfinished: Frame, frame: Frame, options: Options) -> Table:
    """``figures``: of runs that agree; ``unfinished``: runs that belong to them; ``frame``: all runs."""
    columns, chosen = choose_columns(candidates(figures, options.attacks))
    rows, counted = rows_of(chosen)
    statistics, published = _statistics(counted), published_beside(rows, columns["measure"])
    rows["clean"] = statistics["mean"].xs(0, level="column").astype(float)
    baselines, baseline = find_baselines(rows, options.baseline)
    names = [rows["name"].get(line, "") for line in baselines]
    rows = rows.assign(baseline_line=baselines, baseline=names)
    of_rows = unfinished["row"].isin(rows["row"]) | _is_alike(unfinished, figures)
    cells = _cells(with_unfinished(rows, unfinished[of_rows]), columns, statistics, published)
    footnotes = notes.number_footnotes(cells, counted)
    whole = pd.DataFrame(cells, columns=[*CELLS, *NOTES, *PLACE], dtype=object)
    remarks = [
        *notes.of_baseline(whole, baseline, options),
        *notes.of_published(records(rows[:1])[0], published),
        *notes.of_runs(unfinished[~of_rows], chosen, counted),
        *notes.of_code(set(figures["trained_with"]).union(*columns["codes"])),
        *notes.of_evaluations(frame, chosen),
        *notes.of_attacks(figures, chosen),
    ]
    return Table(caption(counted, columns, options), whole, footnotes, remarks)


def _statistics(figures: Frame) -> Frame:
    """By line and column, over the seeds: mean, sample standard deviation, values, verdicts; and facts of the
    first figure, which of a single seed is the only one."""
    reported = figures[figures["accuracy"].notna()]
    values = [f"{seed}:{float(x)!r}" for seed, x in zip(reported["seed"], reported["accuracy"], strict=True)]
    statistics = (
        reported.assign(value=values)
        .groupby(PLACE)
        .agg(
            mean=("accuracy", mean),
            std=("accuracy", lambda accuracies: stdev(accuracies) if len(accuracies) > 1 else None),
            n_seeds=("accuracy", "size"),
            values=("value", " ".join),
            accuracies=("accuracy", list),
            **{name: (name, "first") for name in ("run", "evaluation", "correct")},
        )
    )
    return figures.groupby(PLACE)["verdict"].agg(set).to_frame("verdicts").join(statistics.astype(object))


def _cells(rows: Frame, columns: Frame, statistics: Frame, published: Frame) -> list[Facts]:
    """A dict for each row and column, of the facts in ``CELLS`` but the notes, and of what the notes need."""
    cells = rows.rename(columns={"row": "row_hash", "name": "row"})
    cells = cells[["line", "row", *OF_ROW, "gap", "baseline", "baseline_line"]]
    cells = cells.merge(columns[["column", "measure", *OF_COLUMN]], how="cross")
    cells = cells.merge(statistics, on=PLACE, how="left").merge(published, on=["line", "measure"], how="left")
    cells = cells.assign(**{name: rows[name].iloc[0] for name in ("data", "fingerprint")})
    by_place = {(cell["line"], cell["column"]): cell for cell in records(cells)}
    for cell in by_place.values():
        cell |= {"n_seeds": cell["n_seeds"] or 0, "values": cell["values"] or ""}
        cell["verdicts"] = cell["verdicts"] or set()
        cell["marks"] = marks(cell["verdicts"])
    for (_, column), cell in by_place.items():
        other = by_place.get((cell["baseline_line"], column), cell)
        cell |= difference(cell, other) if other is not cell else NO_DIFFERENCE
    return list(by_place.values())
