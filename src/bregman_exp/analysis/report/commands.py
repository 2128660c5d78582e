"""The command lines that make runs again, from the words that were typed (run.json)."""

import json
import shlex
from collections.abc import Iterable, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

from bregman_exp.analysis.names import Facts, Frame, shown_value
from bregman_exp.runs.run_folder import RunFolder
from bregman_exp.terminal import command

FEW = 6  # rows whose commands are shown at once
RUN = "hydra.mode=RUN"  # a preset is a sweep, of which this makes one job


class Command(NamedTuple):
    """A line of a shell, and what it does."""

    does: str
    line: str


def typed_words(row: Frame) -> list[str] | None:
    """Those of its first run, without the seed; None where an older version did not note them.

    Defaults of dataset=image_folder that have changed since are added, as the row's config has them.
    """
    typed = next(filter(None, row["overrides"]), None)
    if typed is None:
        return None
    words = [word for word in json.loads(typed) if _key(word) not in ("seed", "seeds")]
    return words + _former_defaults(json.loads(row["config"].iloc[0]), set(map(_key, words)))


def _former_defaults(config: Facts, keys: set[str]) -> list[str]:
    """The words for what was not typed, where the config is of a version without ``dataset.channels``."""
    if config.get("dataset.name") != "image_folder" or "dataset.channels" in config:
        return []
    former = {"channels": 3, **{key: config.get(f"dataset.{key}") for key in ("n_val", "normalize")}}
    words = {f"dataset.{key}": shown_value(value) for key, value in former.items()}
    return [f"{key}={value}" for key, value in words.items() if key not in keys]


def row_command(row: Frame, does: str) -> list[Command]:
    """With the seeds from the first to the last: complete runs are skipped. [] for an older version's."""
    typed = typed_words(row)
    if typed is None:
        return []
    preset = [RUN] if any(_key(word) == "experiment" for word in typed) else []
    return [Command(does, _line([*typed, *preset, _seeds(row)]))]


def training_commands(runs: Frame) -> list[Command]:
    """Of each experiment one sweep, where its rows are one; else of each row, where they are few."""
    by_name = runs.groupby("name", sort=False)
    typed = runs[by_name["overrides"].transform("max") != ""]
    commands: list[Command] = []
    for experiment, own in typed.groupby(by_name["experiment"].transform("first"), sort=False):
        rows = list(own.groupby("name", sort=False))
        swept = _swept([typed_words(row) or [] for _, row in rows])
        if swept is not None:
            does = f"The whole experiment {experiment} (what is complete is skipped):"
            commands.append(Command(does, _line(["-m", *swept, _seeds(own)])))
        elif len(rows) <= FEW:
            commands += [command for name, row in rows for command in row_command(row, f"{name}:")]
    return commands


def _swept(rows: Sequence[Sequence[str]]) -> list[str] | None:
    """The words of a sweep that makes exactly these rows; None where they are no Cartesian product."""
    keys = [[_key(word) for word in row] for row in rows]
    if any(own != keys[0] for own in keys) or len({tuple(row) for row in rows}) < len(rows):
        return None
    values = [list(dict.fromkeys(column)) for column in zip(*rows, strict=True)]
    if prod(map(len, values)) != len(rows):
        return None
    return [first + "".join("," + word.partition("=")[2] for word in more) for first, *more in values]


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+")


def _seeds(runs: Frame) -> str:
    seeds = sorted(set(runs["seed"].dropna())) or [0]
    return f"seed={seeds[0]}" if len(seeds) == 1 else f"seeds={seeds[0]}..{seeds[-1]}"


def _line(words: Iterable[str]) -> str:
    return shlex.join([*command("train"), *words])


def evaluating_commands(runs: Frame) -> list[Command]:
    """One run's for each suite that evaluate.py added."""
    added: dict[str, Command] = {}
    for run, evaluations in zip(runs["run"], runs["evaluations"], strict=True):
        for name, record in evaluations[1:]:
            suite = record.get("suite") or name.rpartition("-")[0]
            words = _evaluating_words(RunFolder(Path(run)).evaluation(name), suite, record["weights"])
            line = shlex.join([*command("evaluate"), f"run={run}", *words])
            added.setdefault(" ".join(words), Command(f"The figures of {suite}, of each run in turn:", line))
    return list(added.values())


def _evaluating_words(evaluation: RunFolder, suite: str, weights: str) -> list[str]:
    """As they were typed, without the run; those of train.py, and of an older version, by the suite alone."""
    typed = evaluation.read_note().get("overrides", [f"attack={suite}"])
    words = [word for word in typed if _key(word) != "run"]
    if len(words) < len(typed):  # of evaluate.py
        return words
    of_suite = [word for word in words if _key(word).partition(".")[0] in ("attack", "plugins")]
    return [*of_suite, f"weights={weights}"]
