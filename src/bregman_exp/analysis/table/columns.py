"""Which figures become the columns of a table."""

import json
from collections.abc import Sequence

import pandas as pd

from bregman_exp.analysis.names import Facts, Frame, label
from bregman_exp.analysis.published import is_fitted
from bregman_exp.analysis.table.options import Options

NORMS = {"linf": "ℓ∞", "l2": "ℓ2"}
PAPER = "paper"  # the suite of the published table
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
        return figures[clean | figures["id"].str.startswith(tuple(attacks))]
    of_paper = (figures["suite"] == PAPER) & (figures["attack"] == "pgd")
    paper = figures["settings"].isin(figures.loc[of_paper, "settings"])
    return figures[clean | paper] if paper.any() else figures


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


def choose_columns(figures: Frame) -> tuple[list[Facts], Frame]:
    """Clean data, then ℓ∞, then ℓ2, then attacks without a norm; for figures that agree (see ``agreement``).

    The frame has a line for each run and column, with ``column``, its place.
    """
    attacks = figures.drop_duplicates("settings")[["settings", "attack", "norm", "eps"]]
    kinds = shared_kinds(figures).merge(attacks, on="settings")
    rank = kinds["norm"].map({norm: place for place, norm in enumerate(NORMS, start=1)}).fillna(3)
    kinds = kinds.assign(rank=rank.where(kinds["id"] != "clean", 0))
    kinds = kinds.sort_values("rank", kind="stable", ignore_index=True).assign(column=range(len(kinds)))
    chosen = figures.merge(kinds[[*ALIKE, "column"]], on=ALIKE).drop_duplicates(["run", "column"])
    codes = chosen.groupby("column")["code"].unique()
    kinds = kinds.assign(alone=~kinds["rank"].duplicated(keep=False))
    every = list(kinds["settings"])
    return [_column(kind, every) | {"codes": list(codes[kind["column"]])} for kind in records(kinds)], chosen


def _column(kind: Facts, every: Sequence[str]) -> Facts:
    """``settings``: those of its attack; ``published``: clean, linf or l2, which published figures belong
    beside it, "" for none."""
    if kind["id"] == "clean":
        about = {"id": "clean", "heading": "test accuracy", "attack": "", "norm": "", "eps": None}
        return about | {"n": int(kind["n"]), "settings": {}, "published": "clean"}
    norm = kind["norm"]
    is_only = kind["alone"] and norm in NORMS
    settings = {key: value for key, value in json.loads(kind["settings"]).items() if value is not None}
    return {
        "id": settings.pop("id"),
        "heading": f"{NORMS[norm]}-robust" if is_only else label(kind["settings"], every),
        **{name: kind[name] for name in ("attack", "norm", "eps")},
        "n": int(kind["n"]),
        "settings": settings,
        "published": norm if is_fitted(kind["attack"], norm, kind["eps"]) else "",
    }


def records(frame: Frame) -> list[Facts]:
    """The lines as dicts, with None for what is missing."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def left_out(figures: Frame, chosen: Frame) -> list[str]:
    """The labels of the attacks that some run has and no column shows."""
    attacks = figures[figures["id"] != "clean"].drop_duplicates(["settings", "n"])
    shown = pd.MultiIndex.from_frame(chosen[["settings", "n"]])
    rest = attacks[~pd.MultiIndex.from_frame(attacks[["settings", "n"]]).isin(shown)]
    every, in_a_column = list(attacks["settings"]), set(chosen["settings"])
    labels = (
        label(settings, every) + (f", n = {n}" if settings in in_a_column else "")
        for settings, n in zip(rest["settings"], rest["n"], strict=True)
    )
    return sorted(set(labels))
