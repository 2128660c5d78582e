"""Every run of a report or of the status, also those that are not complete: a line for each, row by row."""

from collections import Counter
from pathlib import Path

import pandas as pd

from bregman_exp.analysis.formats import counted, ranges
from bregman_exp.analysis.frame import ROW, STATES, Results
from bregman_exp.analysis.names import Facts, Frame, base_name, configs_of, row_names
from bregman_exp.runs.reading import read_text
from bregman_exp.runs.record import CheckStatus
from bregman_exp.runs.run_folder import RunFolder
from bregman_exp.terminal import shown

MOST_DETAILED = 500  # runs; of more, a page shows details of those alone that are not in order


def named_runs(frame: Frame) -> Frame:
    """The first line of each run with ``name``, which tells apart all rows of the frame.

    By model, activation, depth, name and seed. A run without figures belongs to the row of its training,
    where a run of it is complete.
    """
    runs = frame.drop_duplicates("run")
    rows = runs[runs["state"] == "complete"].drop_duplicates(ROW)
    rows = rows.assign(name=row_names(rows))[[*ROW, "name"]]
    by_hash = rows.drop_duplicates("row").set_index("row")["name"]
    configs = configs_of(runs)
    own = list(map(_own_name, runs["run"], runs["model"], runs["act"], configs))
    runs = runs.merge(rows, on=ROW, how="left")
    others = runs["row"].map(by_hash).astype(object).fillna(pd.Series(own, dtype=object))
    runs["name"] = runs["name"].astype(object).fillna(others)
    order = {
        "model_": [f"{config.get('model.version', '')} {config.get('model.name', '')}" for config in configs],
        "act_": [str(config.get("act.name", "")) for config in configs],
        "depth_": [config.get("model.depth") or 0 for config in configs],
    }
    runs = runs.assign(**order).sort_values(
        [*order, "name", "seed"], kind="stable", na_position="first", ignore_index=True
    )
    return runs.drop(columns=list(order))


def _own_name(path: str, model: str, act: str, config: Facts) -> str:
    return base_name(model, act, config) if model and act else Path(path).parent.name


def reported_runs(results: Results) -> Frame:
    """``named_runs`` with ``evaluations`` and ``failures``: pairs of the name under evaluations/, "" for the
    run's own, and the record or the failure; ``own``: its own record or None; ``checks``: of all evaluations;
    ``failed``: those that failed; ``detailed``: whether the page says more of it than its figures."""
    runs = named_runs(results.frame)
    evaluations = [list(results.records.get(run, {}).items()) for run in runs["run"]]
    failures = [list(results.failures.get(run, {}).items()) for run in runs["run"]]
    own = [pairs[0][1] if pairs else None for pairs in evaluations]
    checks = [[check for _, record in pairs for check in record.get("checks", [])] for pairs in evaluations]
    failed = [[check for check in each if check["status"] == CheckStatus.FAILED] for each in checks]
    runs = runs.assign(evaluations=evaluations, failures=failures, own=own, checks=checks, failed=failed)
    remarkable = (runs["state"] != "complete") | runs["failed"].map(bool) | runs["failures"].map(bool)
    return runs.assign(detailed=remarkable | (len(runs) <= MOST_DETAILED))


def states(runs: Frame) -> dict[str, int]:
    """How many are in each state; complete and failed also where there are none."""
    count = Counter(runs["state"])
    return {state: count[state] for state in STATES if count[state] or state in ("complete", "failed")}


def counts(row: Frame) -> str:
    """E.g. "16 runs", "16 runs, 1 failed"."""
    others = Counter(state for state in row["state"] if state != "complete")
    return ", ".join([counted(len(row), "run"), *(f"{n} {state}" for state, n in others.items())])


def configs(row: Frame) -> list[tuple[str, str]]:
    """Seeds, and the config.yaml they share: several only where attacks differ."""
    same = row.groupby("config", sort=False, observed=True)
    texts = [(ranges(own["seed"].fillna(-1)), _config_text(own["run"].iloc[0])) for _, own in same]
    return [(seeds, text) for seeds, text in texts if text]


def _config_text(run: str) -> str:
    """config.yaml without the seed, in which the runs of a row differ."""
    try:
        lines = shown(read_text(RunFolder(Path(run)).config)).splitlines()
    except (OSError, ValueError):
        return ""
    return "\n".join(line for line in lines if not line.startswith("seed:"))
