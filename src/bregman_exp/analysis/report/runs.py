"""Every run of a report or of the status, also those that are not complete."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from bregman_exp.analysis.frame import ROW, STATES, Results
from bregman_exp.analysis.lines import Failure
from bregman_exp.analysis.names import Frame, base_name, row_names
from bregman_exp.analysis.report.formats import counted, ranges
from bregman_exp.runs.reading import read_text
from bregman_exp.runs.record import CheckStatus, clean_entry
from bregman_exp.runs.run_folder import RunFolder
from bregman_exp.terminal import shown


@dataclass(frozen=True)
class Evaluation:
    """The figures of one suite: the run's own ("" for ``folder``), or what evaluate.py added."""

    folder: str
    record: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.record.get('suite') or 'clean'}, {self.record['weights']} weights"

    @property
    def entries(self) -> list[Mapping[str, Any]]:
        """Clean data, then each attack."""
        return [clean_entry(self.record), *self.record["robust"]]

    @property
    def checks(self) -> list[Mapping[str, Any]]:
        return self.record.get("checks", [])


@dataclass(frozen=True)
class ReportedRun:
    """``row``: the name of its row; ``failures``: by the evaluation that failed, "" for the run itself;
    ``overrides``: the words it was trained with, None where an older version did not note them."""

    number: int
    folder: RunFolder
    state: str
    row: str
    seed: int | None
    experiment: str
    config: str
    overrides: tuple[str, ...] | None
    evaluations: tuple[Evaluation, ...] = ()
    failures: tuple[tuple[str, Failure], ...] = ()

    @property
    def anchor(self) -> str:
        return f"run-{self.number}"

    @property
    def own(self) -> Mapping[str, Any] | None:
        return self.evaluations[0].record if self.evaluations else None

    @property
    def checks(self) -> list[Mapping[str, Any]]:
        return [check for evaluation in self.evaluations for check in evaluation.checks]

    @property
    def failed_checks(self) -> list[Mapping[str, Any]]:
        return [check for check in self.checks if check["status"] == CheckStatus.FAILED]


def reported_runs(results: Results) -> list[ReportedRun]:
    """All runs, row by row."""
    runs = named_runs(results.frame)
    return [_reported(number, run, results) for number, run in enumerate(runs.to_dict("records"), start=1)]


def _reported(number: int, run: Mapping[str, Any], results: Results) -> ReportedRun:
    folder = RunFolder(Path(run["run"]))
    places = [("", folder), *((place.path.name, place) for place in folder.evaluations)]
    records = [(name, results.records.get(str(place.path))) for name, place in places]
    failures = [(name, results.failures.get(str(place.path))) for name, place in places]
    return ReportedRun(
        number,
        folder,
        run["state"],
        run["name"],
        None if pd.isna(run["seed"]) else int(run["seed"]),
        run["experiment"],
        run["config"],
        tuple(json.loads(run["overrides"])) if run["overrides"] else None,
        tuple(Evaluation(name, record) for name, record in records if record),
        tuple((name, failure) for name, failure in failures if failure),
    )


def named_runs(frame: Frame) -> Frame:
    """The first line of each run with ``name``, which tells apart all rows there; row by row.

    A run without figures belongs to the row of its training, where one has figures.
    """
    runs = frame.drop_duplicates("run")
    complete = runs[runs["state"] == "complete"]
    rows = complete.drop_duplicates(ROW)
    names = dict(zip(rows[ROW].itertuples(index=False, name=None), row_names(rows), strict=True))
    by_hash = {row: name for (_, _, row, _), name in reversed(names.items())}
    lines = runs.to_dict("records")
    named = [
        names.get(tuple(line[key] for key in ROW)) or by_hash.get(line["row"]) or _own_name(line)
        for line in lines
    ]
    order = sorted(range(len(lines)), key=lambda i: _order(lines[i], named[i]))
    return runs.assign(name=named).iloc[order]


def _own_name(line: Mapping[str, Any]) -> str:
    if line["model"] and line["act"]:
        return base_name(line["model"], line["act"], _config(line["config"]))
    return Path(line["run"]).parent.name


def _order(line: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """By model and activation, then by depth, as numbers."""
    config = _config(line["config"])
    model = f"{config.get('model.version', '')} {config.get('model.name', '')}"
    seed = -1 if pd.isna(line["seed"]) else int(line["seed"])
    return model, str(config.get("act.name", "")), config.get("model.depth") or 0, name, seed


@cache
def _config(text: str) -> dict[str, Any]:
    return json.loads(text)


def states(runs: Sequence[str]) -> dict[str, int]:
    """How many are in each state; complete and failed also where there are none."""
    count = Counter(runs)
    return {state: count[state] for state in STATES if count[state] or state in ("complete", "failed")}


@dataclass(frozen=True)
class ReportedRow:
    """The runs that differ in their seed alone."""

    name: str
    runs: tuple[ReportedRun, ...]

    @property
    def counts(self) -> str:
        """E.g. "16 runs", "16 runs, 1 failed"."""
        others = Counter(run.state for run in self.runs if run.state != "complete")
        return ", ".join([counted(len(self.runs), "run"), *(f"{n} {state}" for state, n in others.items())])

    @property
    def seeds(self) -> list[int]:
        return sorted({run.seed for run in self.runs if run.seed is not None})

    @property
    def configs(self) -> list[tuple[str, str]]:
        """Seeds, and the config.yaml they share: several only where attacks differ."""
        same: dict[str, list[ReportedRun]] = {}
        for run in self.runs:
            same.setdefault(run.config, []).append(run)
        seeds = [ranges(-1 if run.seed is None else run.seed for run in runs) for runs in same.values()]
        texts = [_text(runs[0]) for runs in same.values()]
        return [(own, text) for own, text in zip(seeds, texts, strict=True) if text]


def _text(run: ReportedRun) -> str:
    """config.yaml without the seed, which is what tells the runs of a row apart."""
    try:
        lines = shown(read_text(run.folder.config)).splitlines()
    except (OSError, ValueError):
        return ""
    return "\n".join(line for line in lines if not line.startswith("seed:"))


def rows_of(runs: Sequence[ReportedRun]) -> list[ReportedRow]:
    """In the order of the runs."""
    rows: dict[str, list[ReportedRun]] = {}
    for run in runs:
        rows.setdefault(run.row, []).append(run)
    return [ReportedRow(name, tuple(of_row)) for name, of_row in rows.items()]
