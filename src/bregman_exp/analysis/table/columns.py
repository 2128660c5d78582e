"""Which figures a table shows, and the columns that they make."""

import json
from collections.abc import Sequence

from bregman_exp.analysis.names import PAPER, Facts, Frame, Series, label, records
from bregman_exp.analysis.published import is_fitted
from bregman_exp.analysis.table.options import Options

NORMS = {"linf": "ℓ∞", "l2": "ℓ2"}
RANKS = {"linf": 1, "l2": 2}  # clean data stand before them, attacks without a norm after them
KIND = ["settings", "n", "alike"]  # what the figures of one column share


def shown_figures(frame: Frame, options: Options) -> Frame:
    """The figures of complete runs, of the weights asked for or of the run's own.

    A figure that a run has twice, with equal settings, counts once: the run's own goes first.
    ``alike``: the code version, "" where any will do.
    """
    figures = frame[(frame["state"] == "complete") & (frame["id"] != "")]
    own = figures[figures["evaluation"] == ""].drop_duplicates("run").set_index("run")["weights"]
    figures = figures[figures["weights"] == (options.weights or figures["run"].map(own))]
    figures = figures.drop_duplicates(["run", "settings", "n", "code"])
    return figures.assign(alike="" if options.any_version else figures["code"])


def candidates(figures: Frame, attacks: Sequence[str]) -> Frame:
    """The figures that may be columns, and those of clean data.

    Without ``attacks`` these are the PGD entries of the suite paper; where no run has them, all entries.
    """
    clean = figures["id"] == "clean"
    if attacks:
        return figures[clean | figures["id"].str.startswith(tuple(attacks))]
    of_paper = (figures["suite"] == PAPER) & (figures["attack"] == "pgd")
    paper = figures["settings"].isin(figures.loc[of_paper, "settings"])
    return figures[clean | paper] if paper.any() else figures


def shared_kinds(figures: Frame) -> Frame:
    """A line for each kind of figure (``KIND``) that all runs with any of its id have.

    Of one attack on several numbers of samples the largest counts. ``place``: of the id among all ids.
    """
    by_kind = figures.groupby([*KIND, "id"], sort=False)
    attack = {name: (name, "first") for name in ("attack", "norm", "eps")}
    kinds = by_kind.agg(runs=("run", "nunique"), **attack).reset_index()
    kinds["place"] = kinds["id"].factorize()[0]
    shared = kinds[kinds["runs"] == kinds["id"].map(figures.groupby("id")["run"].nunique())]
    return shared.sort_values("n", ascending=False, kind="stable").drop_duplicates("settings").sort_index()


def choose_columns(figures: Frame) -> tuple[list[Facts], Frame]:
    """Clean data, then ℓ∞, then ℓ2, then attacks without a norm; for figures that agree (see ``agreement``).

    A line for each column, with its ``heading``, the ``arguments`` of its attack, the ``codes`` that
    evaluated it, and the ``measure`` (clean, linf or l2) of published figures that belong beside it, "" for
    none; and the figures, one for each run and ``column``.
    """
    columns = shared_kinds(figures)
    ranks = columns["norm"].map(RANKS).fillna(3).where(columns["id"] != "clean", 0)
    columns = columns.assign(rank=ranks).sort_values(["rank", "place"], kind="stable", ignore_index=True)
    columns["column"] = columns.index
    chosen = figures.merge(columns[[*KIND, "column"]], on=KIND).drop_duplicates(["run", "column"])
    columns["is_alone"] = ~columns["rank"].duplicated(keep=False)
    codes = chosen.groupby("column")["code"].unique()
    columns = columns.assign(codes=codes, code=codes.map(" ".join))
    return [column | _facts(column, columns["settings"]) for column in records(columns)], chosen


def _facts(column: Facts, all_settings: Series) -> Facts:
    norm = column["norm"]
    arguments = {key: value for key, value in json.loads(column["settings"]).items() if value is not None}
    heading, measure = label(column["settings"], all_settings), ""
    if arguments.pop("id") == "clean":
        heading, measure = "test accuracy", "clean"
    elif column["is_alone"] and norm in NORMS:
        heading = f"{NORMS[norm]}-robust"
    if is_fitted(column["attack"], norm, column["eps"]):
        measure = norm
    facts = {name: arguments.get(name) for name in ("steps", "restarts", "rel_step", "loss")}
    return facts | {"heading": heading, "measure": measure, "arguments": arguments}
