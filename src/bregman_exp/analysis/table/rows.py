"""The rows of a table: runs that differ in their seed alone, complete or not."""

import json
from collections.abc import Collection

import pandas as pd

from bregman_exp.analysis.frame import ROW
from bregman_exp.analysis.names import Facts, Frame, Series, row_names


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
        why = f"failed: {error}" if state == "failed" or error else "running or interrupted"
        texts.append(f"{'a run' if pd.isna(seed) else f'seed {seed}'} ({why}; {path})")
    return ", ".join(texts)
