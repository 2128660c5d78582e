"""Which figures become the columns of a table."""

import json
from collections.abc import Sequence

import pandas as pd

from bregman_exp.analysis.names import Frame, Series
from bregman_exp.analysis.published import is_fitted
from bregman_exp.analysis.settings import label
from bregman_exp.analysis.table.content import Column
from bregman_exp.analysis.table.options import Options
from bregman_exp.runs.record import Norm

NORMS = {Norm.LINF: "ℓ∞", Norm.L2: "ℓ2"}
PAPER = "paper"  # the suite of the published table
CLEAN = "test accuracy"
ALIKE = ["settings", "n", "alike"]  # what the figures of one column share


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


def wanted(figures: Frame, attacks: Sequence[str]) -> Frame:
    """The figures that may be columns, and those of clean data.

    Without ``attacks`` these are the PGD entries of the suite paper; where no run has them, all entries.
    """
    clean = figures["id"] == "clean"
    if attacks:
        asked = figures["id"].str.startswith(tuple(attacks))
    else:
        paper = figures["settings"].isin(
            figures.loc[(figures["suite"] == PAPER) & (figures["attack"] == "pgd"), "settings"]
        )
        asked = paper if paper.any() else ~clean
    return figures[clean | asked]


def shared_kinds(figures: Frame) -> Frame:
    """A line for each kind of figure (``ALIKE``) that all runs with any of its id have, clean first.

    Of one attack on several numbers of samples the largest counts.
    """
    runs = figures.groupby("id")["run"].nunique()
    kinds = figures.groupby([*ALIKE, "id"], sort=False)["run"].nunique().reset_index()
    shared = kinds[kinds["run"] == kinds["id"].map(runs)]
    largest = shared.sort_values("n", ascending=False, kind="stable").drop_duplicates("settings").sort_index()
    order = {id_: place for place, id_ in enumerate(dict.fromkeys(["clean", *figures["id"]]))}
    return largest.sort_values("id", key=lambda ids: ids.map(order), kind="stable")


def choose_columns(figures: Frame) -> tuple[list[Column], Frame]:
    """Clean data, then ℓ∞, then ℓ2, then what has no norm; for figures that agree (see ``agreement``).

    The frame has a line for each run and column, with ``column``, its place.
    """
    kinds = shared_kinds(figures)
    entries = figures.drop_duplicates("settings").set_index("settings")
    places = kinds["settings"].map(lambda settings: _place(entries.loc[settings]))
    kinds = kinds.assign(place=places).sort_values("place", kind="stable").reset_index(drop=True)
    kinds["column"] = kinds.index
    chosen = figures.merge(kinds[[*ALIKE, "column"]], on=ALIKE).drop_duplicates(["run", "column"])
    every = list(kinds["settings"])
    columns = []
    for kind in kinds.itertuples():
        alone = int((kinds["place"] == kind.place).sum()) == 1
        codes = tuple(dict.fromkeys(chosen.loc[chosen["column"] == kind.column, "code"]))
        columns.append(
            _column(entries.loc[kind.settings], str(kind.settings), int(kind.n), codes, every, alone)
        )  # pyright: ignore
    return columns, chosen


def _place(entry: Series) -> int:
    """0 for clean data, then by norm."""
    order = [str(norm) for norm in NORMS]
    norm = entry["norm"]
    return 0 if entry["id"] == "clean" else 1 + (order.index(norm) if norm in order else len(order))


def _column(
    entry: Series, settings: str, n: int, codes: tuple[str, ...], every: Sequence[str], alone: bool
) -> Column:
    """``alone``: no other column is of its norm."""
    if entry["id"] == "clean":
        return Column("clean", CLEAN, n, codes)
    norm, eps = str(entry["norm"]), None if pd.isna(entry["eps"]) else float(entry["eps"])
    heading = f"{NORMS[Norm(norm)]}-robust" if alone and norm in NORMS else label(settings, every)
    given = {key: value for key, value in json.loads(settings).items() if value is not None and key != "id"}
    return Column(entry["id"], heading, n, codes, str(entry["attack"]), norm, eps, given)


def published_as(column: Column) -> str:
    """clean, linf or l2: which published figures belong beside it; "" for none."""
    if column.id == "clean":
        return "clean"
    return column.norm if is_fitted(column.attack, column.norm, column.eps) else ""


def left_out(figures: Frame, chosen: Frame) -> list[str]:
    """The labels of the attacks that some run has and no column shows."""
    attacks = figures[figures["id"] != "clean"].drop_duplicates(["settings", "n"])
    shown = chosen[["settings", "n"]].drop_duplicates().assign(shown=True)
    rest = attacks.merge(shown, how="left", on=["settings", "n"])
    rest = rest[rest["shown"].isna()]
    every, known = list(attacks["settings"]), set(shown["settings"])
    names = [
        label(settings, every) + (f", n = {n}" if settings in known else "")
        for settings, n in zip(rest["settings"], rest["n"], strict=True)
    ]
    return sorted(set(names))
