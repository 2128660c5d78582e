"""From the frame to tables: see that runs agree, which table each belongs to, and make it."""

from collections.abc import Sequence

import pandas as pd

from bregman_exp.analysis.names import Facts, Frame, Series
from bregman_exp.analysis.table.agreement import agreeing
from bregman_exp.analysis.table.cells import Assembly
from bregman_exp.analysis.table.columns import records, shown_figures
from bregman_exp.analysis.table.content import Table
from bregman_exp.analysis.table.options import NO_BASELINE, TWIN, Options
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
    homes = pd.Series([_home(run, parts) for run in records(unfinished)], unfinished.index, dtype=int)
    tables = []
    for place, part in enumerate(parts):
        assembly, own = Assembly(part, options), unfinished[homes == place]
        alike = [_is_alike(run, assembly.rows[0]) for run in records(own)]
        tables.append(assembly.table(own, pd.Series(alike, own.index, dtype=bool), frame))
    asked = options.baseline
    if asked not in (None, NO_BASELINE, TWIN) and not any(table.cells["baseline"].any() for table in tables):
        rows = pd.concat([table.cells for table in tables])
        names = ", ".join(map(repr, rows.loc[rows["seeds"].map(len) > 0, "row"].unique()))
        raise ValueError(f"no row is --baseline {asked!r}; there are {names}, {TWIN} and {NO_BASELINE}.")
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


def _home(run: Facts, parts: Sequence[Frame]) -> int:
    """The table of an unfinished run: that of its row, else one of its data and epochs, else the first."""
    of_row = [place for place, part in enumerate(parts) if run["row"] and (part["row"] == run["row"]).any()]
    alike = [place for place, part in enumerate(parts) if _is_alike(run, part.iloc[0])]
    return next(iter([*of_row, *alike]), 0)


def _is_alike(unfinished: Facts, run: Facts | Series) -> bool:
    """Whether both are of the same data and epochs; what an older version did not note says nothing."""
    names = ("fingerprint",) if unfinished["fingerprint"] else ("data_name",)
    return all(unfinished[name] == run[name] != "" for name in (*names, "budget"))
