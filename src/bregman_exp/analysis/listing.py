"""Runs for the terminal: a line each, also as JSON, or counted row by row."""

import json
from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bregman_exp.analysis.formats import percent, ranges
from bregman_exp.analysis.names import Facts, Frame, configs_of, marks, records
from bregman_exp.analysis.report.runs import counts, named_runs, states
from bregman_exp.runs.run_folder import RunFolder

KEYS = ("row", "seed", "state", "model", "act", "version", "experiment", "data", "verdicts")  # of --where
OF_A_RUN = (  # in --json
    *("run", "row", "row_hash", "seed", "state", "error", "date", "model", "act", "version", "weights"),
    *("experiment", "data", "fingerprint", "epochs", "trained_with", "clean", "robust", "verdicts"),
)


def listed_runs(frame: Frame) -> Frame:
    """A line a run: ``name`` (of its row), the columns of the frame, and

    ``clean``, its accuracy; ``robust``, by attack id the accuracies of its own figures and evaluations;
    ``shown``, of each norm the first of these, as text; ``verdicts``, the marks of those, else "unchecked" if
    one is, "reliable" if all are; ``date``, when it was last written.
    """
    runs, figures = named_runs(frame), frame[frame["id"] != ""]
    own = figures[figures["weights"] == figures["run"].map(runs.set_index("run")["weights"])]
    clean = own[own["id"] == "clean"].drop_duplicates("run").set_index("run")["accuracy"]
    robust, shown = dict[str, Facts](), dict[str, dict[str, str]]()
    for figure in records(own[own["id"] != "clean"].drop_duplicates(["run", "id"])):
        run, id_, accuracy = figure["run"], figure["id"], figure["accuracy"]
        robust.setdefault(run, {})[id_] = accuracy
        shown.setdefault(run, {}).setdefault(figure["norm"], f"{percent(accuracy)} {id_}")
    given = own.groupby("run")["verdict"].agg(set).to_dict()
    return runs.assign(
        clean=runs["run"].map(clean),
        robust=[robust.get(run, {}) for run in runs["run"]],
        shown=[", ".join(shown.get(run, {}).values()) for run in runs["run"]],
        verdicts=[_verdict(given.get(run, set())) for run in runs["run"]],
        date=[_date(RunFolder(Path(run))) for run in runs["run"]],
    )


def _verdict(given: set[str]) -> str:
    return marks(given) or next((name for name in ("unchecked", "reliable") if name in given), "")


def _full_key(key: str, configs: Sequence[Facts]) -> str:
    """The key of a config that is meant: "depth" is model.depth, where no other key ends so."""
    meant = {full for config in configs for full in config if full == key or full.endswith(f".{key}")}
    return meant.pop() if len(meant) == 1 else key


def _date(run: RunFolder) -> str:
    """When its figures, its checkpoint or its config were written, e.g. "2026-11-28 10:12"."""
    files = [run.metrics, run.failure, run.checkpoint("last"), run.config]
    file = next((file for file in files if file.exists()), run.path)
    return f"{datetime.fromtimestamp(file.stat().st_mtime):%Y-%m-%d %H:%M}"


def only(runs: Frame, conditions: Sequence[str]) -> Frame:
    """The runs that fulfil all conditions, each "key=value": a column or a key of the config, and a glob.

    Raises ValueError for a condition of another form and for a key that no run has.
    """
    configs = configs_of(runs)
    for condition in conditions:
        key, sign, value = condition.partition("=")
        if not sign:
            raise ValueError(f"--where {condition!r} is no condition; give key=value, e.g. state=failed.")
        column = {"row": "name"}.get(key, key)
        if column not in runs:
            key = _full_key(key, configs)
        if column in runs:
            values = list(runs[column])
        elif any(key in config for config in configs):
            values = [config.get(key) for config in configs]
        else:
            raise ValueError(
                f"--where {condition}: no run has {key}; there are {', '.join(KEYS)}, optim.lr, …."
            )
        kept = [place for place, own in enumerate(values) if fnmatchcase(_text(own), value)]
        runs, configs = runs.iloc[kept], [configs[place] for place in kept]
    return runs


def _text(value: Any) -> str:
    """As it is typed: null, true, false, 0.1, [8, 8]."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def run_list(runs: Frame) -> RenderableType:
    """A table, and below it how many there are in each state and the errors of those that failed."""
    table = Table()
    for heading in ("row", "seed", "state", "clean %", "robust %", "verdict", "date", "folder"):
        table.add_column(heading, justify="right" if heading in ("seed", "clean %") else "left", no_wrap=True)
    for run in records(runs):
        seed = "" if run["seed"] is None else str(run["seed"])
        clean = "" if run["clean"] is None else percent(run["clean"])
        texts = (run[name] for name in ("shown", "verdicts", "date", "run"))
        table.add_row(*map(Text, (run["name"], seed, run["state"], clean, *texts)))
    return Group(table, Text(counts(runs)), *_errors(runs))


def status_page(frame: Frame) -> RenderableType:
    """How many runs of each row are in which state; under it, each failure in one line."""
    runs = named_runs(frame)
    totals, table = states(runs), Table(show_footer=True)
    table.add_column("row", footer="all")
    table.add_column("seeds", footer=ranges(runs["seed"].dropna()))
    for state, n in totals.items():
        table.add_column(state, justify="right", footer=str(n))
    for name, row in runs.groupby("name", sort=False):
        count = states(row)
        cells = (str(count.get(state, 0)) for state in totals)
        table.add_row(Text(str(name)), ranges(row["seed"].dropna()), *cells)
    return Group(table, *_errors(runs[["run"]].merge(frame, on="run")))


def _errors(lines: Frame) -> list[Text]:
    """The first line of each error, after the run's folder."""
    failed = lines.loc[lines["error"] != "", ["run", "error"]].itertuples(index=False)
    return [Text(f"{run}: {error.splitlines()[0]}") for run, error in failed]


def as_json(runs: Frame) -> str:
    """A list of objects with ``OF_A_RUN``; the accuracies are fractions."""
    own = runs.rename(columns={"row": "row_hash", "name": "row"})[list(OF_A_RUN)]
    return json.dumps(records(own), indent=2)
