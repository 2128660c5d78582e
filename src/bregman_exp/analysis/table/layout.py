"""The columns and rows of a table: which figures they show, and which runs are missing."""

import json
from collections.abc import Collection, Sequence

import pandas as pd

from bregman_exp.analysis.frame import ROW
from bregman_exp.analysis.names import NORMS, PAPER, Facts, Frame, Series, label, records, row_names
from bregman_exp.analysis.published import is_fitted
from bregman_exp.analysis.table.options import Options

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


def rows_of(chosen: Frame) -> tuple[Frame, Frame]:
    """The rows by model, activation, depth and name; and their figures, by ``line`` of the row and by seed.

    A row is the frame's line of its first run, with ``name``, ``seeds`` and the span of ``epochs``. Of
    several runs of one row and seed the first counts.
    """
    runs = chosen.drop_duplicates("run").drop_duplicates([*ROW, "seed"])
    rows = runs.sort_values([*ROW, "seed"], kind="stable").drop_duplicates(ROW)
    depths = [json.loads(config).get("model.depth", 0) for config in rows["config"]]
    rows = rows.assign(name=row_names(rows), depth=depths)
    rows = rows.sort_values(["model", "act", "depth", "name"], kind="stable", ignore_index=True)
    rows["line"] = rows.index
    figures = chosen[chosen["run"].isin(runs["run"])].merge(rows[[*ROW, "line"]], on=ROW)
    figures = figures.sort_values(["line", "seed"], kind="stable")
    of_line = figures.drop_duplicates("run").groupby("line")
    return rows.assign(seeds=of_line["seed"].agg(tuple), epochs=of_line["epochs"].agg(span)), figures


def span(numbers: Series) -> str:
    """E.g. "500"; with early stopping perhaps "17–23"."""
    return "–".join(map(str, dict.fromkeys((numbers.min(), numbers.max()))))


def with_unfinished(rows: Frame, unfinished: Frame) -> Frame:
    """The rows, then those of which no run is complete; with ``missing``: seeds that other rows have, or that
    are not complete; ``failed``: those of them that failed; ``gap``: the same in a sentence, "" for none."""
    # a folder of an older version does not say its row
    keys = unfinished["row"].where(unfinished["row"] != "", unfinished["config"].astype(object))
    unfinished = unfinished.assign(key=keys)
    rows = rows.assign(key=rows["row"])
    others = unfinished[~keys.isin(rows["key"])].drop_duplicates("key")
    names = row_names(pd.concat([rows, others.assign(weights=rows["weights"].iloc[0])]))[len(rows) :]
    others = others.assign(name=names, seeds=[()] * len(others))
    others[["version", "weights", "epochs", "baseline"]] = ""
    all_seeds = set().union(*rows["seeds"])
    rows = pd.concat([rows, others], ignore_index=True)
    of_key = dict(list(unfinished.groupby("key")))
    gaps = [
        _gap(name, set(seeds), all_seeds, of_key.get(key, unfinished[:0]))
        for name, seeds, key in rows[["name", "seeds", "key"]].itertuples(index=False)
    ]
    return rows.assign(line=rows.index).join(pd.DataFrame(gaps, dtype=object))


def _gap(name: str, own: set[int], others: set[int], unfinished: Frame) -> Facts:
    """E.g. "…: not complete: seed 3 (failed: …; path); no run of seeds 4, 5, which other rows have"."""
    started, failed = _seeds(unfinished), _seeds(unfinished[unfinished["error"] != ""])
    absent = others - own - started
    parts = [] if unfinished.empty else [f"not complete: {not_complete(unfinished)}"]
    parts += [f"no run of {listed(absent)}, which other rows have"] if absent else []
    gap = f"{name}: {'; '.join(parts)}" if parts else ""
    return {"missing": sorted((others | started) - own), "failed": sorted(failed - own), "gap": gap}


def _seeds(runs: Frame) -> set[int]:
    return set(map(int, runs["seed"].dropna()))


def listed(seeds: Collection[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, sorted(seeds)))}"


def not_complete(runs: Frame) -> str:
    """E.g. "seed 3 (failed: …; path), seed 4 (running or interrupted; path)"."""
    texts = []
    for state, error, seed, path in runs[["state", "error", "seed", "run"]].itertuples(index=False):
        why = f"failed: {error.rstrip('.')}" if state == "failed" or error else "running or interrupted"
        texts.append(f"{'a run' if pd.isna(seed) else f'seed {seed}'} ({why}; {path})")
    return ", ".join(texts)
