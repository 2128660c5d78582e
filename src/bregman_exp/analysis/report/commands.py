"""The command lines that make runs again, from the words that were typed (run.json)."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from bregman_exp.analysis.report.runs import ReportedRow, ReportedRun

FEW = 6  # rows whose commands are shown at once
RUN = "hydra.mode=RUN"  # a preset is a sweep, of which this makes one job


@dataclass(frozen=True)
class Command:
    """A line of a shell, and what it does."""

    does: str
    line: str


def typed_words(row: ReportedRow) -> list[str] | None:
    """Those of its first run, without the seed; None where an older version did not note them."""
    words = next((run.overrides for run in row.runs if run.overrides is not None), None)
    return None if words is None else [word for word in words if _key(word) not in ("seed", "seeds")]


def row_command(row: ReportedRow, does: str) -> Command | None:
    """With the seeds from the first to the last: what is complete is skipped."""
    words = typed_words(row)
    if words is None:
        return None
    preset = any(_key(word) == "experiment" for word in words)
    return Command(does, _line([*words, *([RUN] if preset else []), _seeds([row])]))


def training_commands(rows: Sequence[ReportedRow]) -> list[Command]:
    """Of each experiment one sweep, where its rows are one; else of each row, where they are few."""
    experiments: dict[str, list[ReportedRow]] = {}
    for row in rows:
        if typed_words(row) is not None:
            experiments.setdefault(row.runs[0].experiment, []).append(row)
    commands: list[Command] = []
    for name, own in experiments.items():
        swept = _swept([typed_words(row) or [] for row in own])
        if swept is not None:
            does = f"The whole experiment {name} (what is complete is skipped):"
            commands.append(Command(does, _line(["-m", *swept, _seeds(own)])))
        elif len(own) <= FEW:
            commands += [command for row in own if (command := row_command(row, f"{row.name}:"))]
    return commands


def _swept(rows: Sequence[Sequence[str]]) -> list[str] | None:
    """The words of a sweep that makes exactly these rows; None where they are no Cartesian product."""
    keys = [[_key(word) for word in row] for row in rows]
    if any(own != keys[0] for own in keys) or len({tuple(row) for row in rows}) < len(rows):
        return None
    values = [list(dict.fromkeys(row[place] for row in rows)) for place in range(len(keys[0]))]
    if prod(map(len, values)) != len(rows):
        return None
    return [first + "".join("," + word.partition("=")[2] for word in more) for first, *more in values]


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+")


def _seeds(rows: Iterable[ReportedRow]) -> str:
    seeds = sorted({seed for row in rows for seed in row.seeds}) or [0]
    return f"seed={seeds[0]}" if len(seeds) == 1 else f"seeds={seeds[0]}..{seeds[-1]}"


def _line(words: Iterable[str]) -> str:
    return shlex.join(["python", "train.py", *words])


def evaluating_commands(runs: Iterable[ReportedRun]) -> list[Command]:
    """One run's for each suite that evaluate.py added."""
    added: dict[tuple[str, str], Path] = {}
    for run in runs:
        for evaluation in run.evaluations[1:]:
            suite = evaluation.record.get("suite") or evaluation.folder.rpartition("-")[0]
            added.setdefault((suite, evaluation.record["weights"]), run.folder.path)
    return [
        Command(
            f"The figures of attack={suite}, of each run in turn:",
            shlex.join(["python", "evaluate.py", f"run={place}", f"attack={suite}", f"weights={weights}"]),
        )
        for (suite, weights), place in added.items()
    ]
