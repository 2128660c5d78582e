"""From the frame to tables: see that runs agree, which table each belongs to, and make it."""

from collections.abc import Mapping, Sequence

import numpy as np

from bregman_exp.analysis.names import Facts, Frame, Series, marks, records
from bregman_exp.analysis.published import published_beside
from bregman_exp.analysis.table import notes
from bregman_exp.analysis.table.agreement import agreeing
from bregman_exp.analysis.table.baseline import difference, find_baselines, over_seeds
from bregman_exp.analysis.table.content import CELLS, Table
from bregman_exp.analysis.table.layout import (
    candidates,
    choose_columns,
    rows_of,
    shown_figures,
    with_unfinished,
)
from bregman_exp.analysis.table.options import NO_BASELINE, TWIN, Options
from bregman_exp.runs.run_folder import NotARunError

UNFINISHED = ("running", "interrupted", "failed")
OF_FIGURE = ["line", "column", "id", "seed", "accuracy", "verdict", "run", "evaluation", "correct"]
EMPTY_CELL: Facts = dict.fromkeys((*CELLS, "remark", "unpaired"))  # no figure, none published, no baseline


def tables_of(frame: Frame, options: Options) -> tuple[list[Table], str]:
    """One table of these runs, or one for each kind of runs that do not agree; and a sentence why, or "".

    Raises ValueError, in one sentence, where the runs do not agree and must, where none is complete, where no
    run has an attack that is asked for, and where no row is the baseline asked for; NotARunError where a run
    is damaged.
    """
    for sentence in frame.loc[frame["state"] == "damaged", "error"]:
        raise NotARunError(sentence)
    figures = shown_figures(frame, options)
    unfinished = frame[frame["state"].isin(UNFINISHED) & (frame["evaluation"] == "")]
    _check_asked(frame, figures, unfinished, options)
    parts, differing = agreeing(figures, options)
    homes = _homes(unfinished, parts)
    tables = [_table(part, unfinished[homes == i], frame, options) for i, part in enumerate(parts)]
    rows, asked = [row[0] for table in tables for row in table.rows], options.baseline
    if asked not in (None, NO_BASELINE, TWIN) and not any(row["baseline"] for row in rows):
        names = ", ".join(dict.fromkeys(repr(row["row"]) for row in rows if row["seeds"]))
        raise ValueError(f"no row is --baseline {asked!r}; there are {names}, {TWIN} and {NO_BASELINE}.")
    return tables, f"The runs do not share one table: they differ in {differing}." if differing else ""


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
    places: dict[tuple[int, int], list[Facts]] = {}
    for figure in records(counted[OF_FIGURE]):
        places.setdefault((figure["line"], figure["column"]), []).append(figure)
    statistics = {place: over_seeds(figures) for place, figures in places.items()}
    rows["clean"] = [statistics[line, 0]["mean"] for line in rows["line"]]
    published = published_beside(rows, [column["measure"] for column in columns])
    rows["baseline_line"], baseline = find_baselines(rows, options.baseline)
    rows["baseline"] = [rows["name"].get(line, "") for line in rows["baseline_line"]]
    of_rows = unfinished["row"].isin(rows["row"]) | _is_alike(unfinished, figures)
    cells = _cells(with_unfinished(rows, unfinished[of_rows]), columns, statistics, published)
    footnotes = notes.number_footnotes(cells)
    remarks = [
        *notes.of_baseline(cells, baseline, options),
        *notes.of_published(records(rows[:1])[0], published),
        *notes.of_runs(unfinished[~of_rows], chosen, counted),
        *notes.of_code(set(figures["trained_with"]).union(*(column["codes"] for column in columns))),
        *notes.of_evaluations(frame, chosen),
        *notes.of_attacks(figures, chosen),
    ]
    return Table(notes.caption(counted, columns, options), cells, footnotes, remarks)


def _cells(
    rows: Frame, columns: Sequence[Facts], statistics: Mapping[tuple[int, int], Facts], published: Frame
) -> list[list[Facts]]:
    """Of each row its cells: the facts in ``CELLS``, and what the notes need."""
    beside = {(facts["line"], facts["measure"]): facts for facts in records(published)}
    shared = {name: rows[name].iloc[0] for name in ("data", "fingerprint")}
    cells: list[list[Facts]] = [
        [
            {**EMPTY_CELL, **row, **column, **shared, "row": row["name"], "row_hash": row["row"]}
            | (statistics.get((row["line"], column["column"])) or over_seeds(()))
            | beside.get((row["line"], column["measure"]), {})
            for column in columns
        ]
        for row in records(rows)
    ]
    for cell in (cell for row in cells for cell in row):
        cell["marks"] = marks(cell["verdicts"])
        if cell["baseline_line"] not in (None, cell["line"]):
            cell |= difference(cell, cells[int(cell["baseline_line"])][cell["column"]])
    return cells
