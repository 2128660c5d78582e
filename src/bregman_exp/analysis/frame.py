"""Run folders as one tidy table: the only reader behind tables, comparisons, status, pages and curves."""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bregman_exp.analysis.lines import Failure, Reader, find_rows
from bregman_exp.analysis.names import Frame, configs_of, differing_keys, shown_value
from bregman_exp.memory import collector_paused
from bregman_exp.runs.atomic import write_atomically
from bregman_exp.runs.run_folder import RunFolder, runs_at
from bregman_exp.terminal import shown

SCHEMA = 1  # of the columns below; in ``frame.attrs``
STATES = ("complete", "running", "interrupted", "failed", "damaged")
# A line for each figure of each run and of its evaluations; also one for each that has no figures.
COLUMNS = {  # name -> dtype; text that is not known is ""
    "run": "str",  # the run's folder
    "state": "str",  # one of STATES; of an evaluation that is not complete, its own
    "error": "str",  # why it failed or is damaged
    "row": "str",  # the hash of its row: what determines the trained weights but the seed
    "seed": "Int64",
    "weights": "str",  # last or best
    "model": "str",
    "act": "str",
    "version": "str",  # standard, euclidean or bregman
    "experiment": "str",
    "data": "str",  # the data set's label
    "data_name": "str",
    "fingerprint": "str",
    "n_train": "Int64",
    "epochs": "Int64",  # trained
    "budget": "str",  # the epochs asked for; "at most 500" with early stopping
    "trained_with": "str",  # the code version: commit, commit-dirty, or release
    "evaluation": "str",  # the name under evaluations/; "" for the run's own figures
    "suite": "str",
    "id": "str",  # "clean" or the attack's; "" without figures
    "attack": "str",
    "norm": "str",  # linf or l2
    "eps": "Float64",  # in units of data in [0, 1]
    "settings": "str",  # the attack with its settings, JSON
    "n": "Int64",  # test samples
    "correct": "Int64",
    "accuracy": "Float64",  # a fraction
    "low": "Float64",  # its 95 % interval over samples
    "high": "Float64",
    "verdict": "str",  # "" for clean data that need no mark
    "code": "str",  # the version that evaluated
    "overrides": "str",  # the words the run was trained with, JSON
    "config": "category",  # its config without the seed, JSON; then the keys in which rows differ, as text
}
ROW = ["model", "act", "row", "weights"]  # what tells rows apart


@dataclass(frozen=True)
class Results:
    """``frame``: as COLUMNS says; ``records``, ``failures``: what it was read from, by run and evaluation."""

    frame: Frame
    records: dict[str, dict[str, dict[str, Any]]]
    failures: dict[str, dict[str, Failure]]


def results(*places: str | Path) -> Frame:
    """The figures of all runs at or below folders or globs, as ``COLUMNS`` of analysis/frame.py says.

    A damaged run is a line with the state "damaged" and a sentence in ``error``.
    Raises ValueError for a place without runs.
    """
    return read_results(runs_at(map(str, places or ("outputs",)))).frame


def read_results(folders: Iterable[RunFolder]) -> Results:
    """Every folder once, however its path is written; each file is read, checked and parsed once."""
    reader = Reader()
    places: dict[str, RunFolder] = {}
    for folder in folders:
        places.setdefault(os.path.realpath(folder.path), folder)
    with collector_paused():
        for folder in places.values():
            reader.read(folder)
    find_rows(reader.lines)
    return Results(_framed(reader.lines), reader.records, reader.failures)


def fitting(frame: Frame) -> Frame:
    """Without the damaged runs, of each of which a sentence goes to stderr; ValueError if none is left."""
    damaged = frame["state"] == "damaged"
    for sentence in frame.loc[damaged, "error"]:
        print(f"left out: {shown(sentence)}", file=sys.stderr)
    if damaged.all():
        raise ValueError("no run is left; mend the files that are named above, or give other folders.")
    return frame[~damaged]


def write_parquet(frame: Frame, path: Path | None) -> None:
    if path is None:
        raise ValueError("parquet is no text; say where it goes, with --output FILE.parquet.")
    try:
        write_atomically(path, lambda file: frame.to_parquet(file, engine="pyarrow", index=False))
    except ImportError:
        raise ValueError("parquet needs pyarrow; pip install 'bregman-exp[parquet]', or use csv.") from None


def _framed(lines: list[dict[str, Any]]) -> Frame:
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    text = [name for name, dtype in COLUMNS.items() if dtype == "str"]
    frame[text] = frame[text].astype(object).where(frame[text].notna(), "")
    typed = {name: dtype if dtype != "str" else object for name, dtype in COLUMNS.items()}
    frame = frame.astype(typed)
    rows: Frame = frame[frame["row"] != ""]
    rows = rows.drop_duplicates("row")
    keys, configs = differing_keys(configs_of(rows)), configs_of(frame)
    apart = {key: [shown_value(config.get(key)) for config in configs] for key in keys}
    frame = frame.join(pd.DataFrame(apart, index=frame.index, dtype=object))
    frame.attrs["schema"] = SCHEMA
    return frame
