"""Runs that may share a table: the same data, epochs, code, and attacks with the same settings."""

import json
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from bregman_exp.analysis.names import Frame, Series, short_code
from bregman_exp.analysis.table.columns import shared_kinds, wanted
from bregman_exp.analysis.table.options import Options

NAMED = 3  # so many runs are named of those that share a value


class DifferingRunsError(ValueError):
    """Runs that do not share a table; ``differing``: in what, as text."""

    def __init__(self, differing: str, advice: str):
        super().__init__(f"these runs do not share a table, they differ in {differing}; {advice}.")
        self.differing = differing


class Conflict(NamedTuple):
    """What keeps runs from one table: ``what`` differs, ``values`` are each run's, as text, by its path."""

    what: str
    values: Series
    is_code: bool = False

    def __str__(self) -> str:
        """E.g. "epochs: 1 (a/seed-0) and 182 (b/seed-0, b/seed-1)"."""
        having = self.values.groupby(self.values, sort=False).groups.items()
        return f"{self.what}: " + " and ".join(f"{value} ({_some(list(paths))})" for value, paths in having)


def _some(paths: list[str]) -> str:
    more = len(paths) - NAMED
    return ", ".join(paths[:NAMED]) + (f" and {more} more" if more > 0 else "")


def agreeing(figures: Frame, options: Options) -> list[Frame]:
    """The figures in parts that may each be a table: one part, or with ``options.split`` several.

    Raises DifferingRunsError, in one sentence, where the runs do not agree and are not to be split.
    """
    conflicts = _of_training(figures, options) or _of_figures(wanted(figures, options.attacks), options)
    if not conflicts:
        return [figures]
    if not options.split:
        advice = "give runs that agree, or --split for a table of each"
        if any(conflict.is_code for conflict in conflicts):
            advice += ", or --any-version to mix code versions"
        raise DifferingRunsError("; ".join(map(str, conflicts)), advice)
    kinds = pd.concat([conflict.values for conflict in conflicts], axis=1).fillna("").agg("\n".join, axis=1)
    parts = figures.groupby(figures["run"].map(kinds), sort=False)
    return [smaller for _, part in parts for smaller in agreeing(part, options)]


def _of_training(figures: Frame, options: Options) -> list[Conflict]:
    runs = figures.drop_duplicates("run").set_index("run")
    data = pd.Series(list(zip(runs["data"], runs["fingerprint"], strict=True)), runs.index, dtype=object)
    conflicts = _conflict("data", data, lambda value: f"{value[0]} {value[1][:8]}")
    conflicts += _conflict("epochs", runs["budget"], str)
    if not options.any_version:
        conflicts += _conflict("code version", runs["trained_with"], short_code, is_code=True)
    return conflicts


def _conflict(
    what: str, values: Series, short: Callable[[Any], str], is_code: bool = False
) -> list[Conflict]:
    """None where all are equal; short texts where these tell the values apart."""
    several = set(values)
    if len(several) == 1:
        return []
    text = short if len(set(map(short, several))) == len(several) else str
    return [Conflict(what, values.map(text), is_code)]


def _of_figures(figures: Frame, options: Options) -> list[Conflict]:
    shared = set(shared_kinds(figures)["id"])
    ids = [id_ for id_ in dict.fromkeys(["clean", *figures["id"]]) if id_ not in shared]
    return [*_of_sizes(figures), *(_of_id(id_, figures, options) for id_ in ids)]


def _of_id(id_: str, figures: Frame, options: Options) -> Conflict:
    """Figures of one id of which the runs have no common one; each run is described by its first."""
    first = figures[figures["id"] == id_].drop_duplicates("run").set_index("run")
    facts: Frame = pd.DataFrame(list(map(json.loads, first["settings"])), first.index, dtype=object)
    facts["n"] = first["n"]
    if not options.any_version:
        facts["code"] = first["code"]
    apart = [name for name in facts if facts[name].map(str).nunique() > 1]
    texts = {run: ", ".join(f"{name} {line[name]}" for name in apart) for run, line in facts.iterrows()}
    return Conflict(id_, _for_all(texts, figures), is_code="code" in apart)


def _of_sizes(figures: Frame) -> list[Conflict]:
    """Attacks of one kind that share no size ε: each would have a column of its own, mostly empty."""
    sized = figures[(figures["attack"] != "") & (figures["norm"] != "") & figures["eps"].notna()]
    conflicts = []
    for (attack, norm), of_kind in sized.groupby(["attack", "norm"]):
        sizes = of_kind.groupby("run", sort=False)["eps"].agg(lambda eps: tuple(sorted(set(eps))))
        if not set(sizes.iloc[0]).intersection(*sizes):
            conflicts += _conflict(f"ε of {attack} in {norm}", _for_all(dict(sizes), figures), _short_sizes)
    return conflicts


def _for_all(of_some: Mapping[Hashable, Any], figures: Frame) -> Series:
    """Runs without this attack cannot conflict: they count as the first run that has it."""
    first, runs = next(iter(of_some.values())), pd.unique(figures["run"])
    return pd.Series([of_some.get(run, first) for run in runs], runs, dtype=object)


def _short_sizes(sizes: tuple[float, ...]) -> str:
    return ", ".join(f"{eps:.4g}" for eps in sizes)
