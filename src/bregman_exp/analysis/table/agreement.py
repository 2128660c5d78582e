"""Runs that may share a table: the same data, epochs, code, and attacks with the same settings."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pandas as pd

from bregman_exp.analysis.formats import size
from bregman_exp.analysis.names import Frame, Series, short_code
from bregman_exp.analysis.table.layout import candidates, shared_kinds
from bregman_exp.analysis.table.options import Options

NAMED = 3  # so many runs, or values, are named


class Conflict(NamedTuple):
    """What keeps runs from one table: ``what`` differs, ``values`` are each run's, as text, by its path."""

    what: str
    values: Series
    is_code: bool = False

    def __str__(self) -> str:
        """E.g. "epochs: 1 (a/seed-0) and 182 (b/seed-0, b/seed-1)"."""
        groups = self.values.groupby(self.values, sort=False).groups.items()
        return f"{self.what}: " + " and ".join(f"{value} ({_some(list(runs))})" for value, runs in groups)

    @property
    def in_short(self) -> str:
        """E.g. "epochs: 1, 182"."""
        return f"{self.what}: {_some(list(self.values.unique()))}"


def _some(texts: list[str]) -> str:
    more = len(texts) - NAMED
    return ", ".join(texts[:NAMED]) + (f" and {more} more" if more > 0 else "")


def agreeing(figures: Frame, options: Options) -> tuple[list[Frame], str]:
    """The figures in parts that may each be a table; and in what they differ, "" where there is one part.

    Raises ValueError, in one sentence, where they differ and ``options.must_agree`` is set.
    """
    of_columns = candidates(figures, options.attacks)
    conflicts = _of_training(figures, options) or [*_of_sizes(of_columns), *_of_ids(of_columns, options)]
    if not conflicts:
        return [figures], ""
    if options.must_agree:
        differing = "; ".join(map(str, conflicts))
        advice = "give runs that agree, or leave out --one for a table of each"
        if any(conflict.is_code for conflict in conflicts):
            advice += ", or --any-version to mix code versions"
        raise ValueError(f"these runs do not share a table, they differ in {differing}; {advice}.")
    kinds = pd.concat([conflict.values for conflict in conflicts], axis=1).agg("\n".join, axis=1)
    parts = figures.groupby(figures["run"].map(kinds), sort=False)
    smaller = [table for _, part in parts for table in agreeing(part, options)[0]]
    return smaller, "; ".join(conflict.in_short for conflict in conflicts)


def _of_training(figures: Frame, options: Options) -> list[Conflict]:
    runs = figures.drop_duplicates("run").set_index("run")
    data = runs[["data", "fingerprint"]].apply(tuple, axis=1)
    conflicts = [
        Conflict("data", _short(data, lambda value: f"{value[0]} {value[1][:8]}")),
        Conflict("epochs", runs["budget"]),
    ]
    if not options.any_version:
        conflicts.append(Conflict("code version", _short(runs["trained_with"], short_code), is_code=True))
    return [conflict for conflict in conflicts if conflict.values.nunique() > 1]


def _short(values: Series, short: Callable[[Any], str]) -> Series:
    """Short texts where these tell the values apart, else the values as text."""
    texts = values.map(short)
    return texts if texts.nunique() == values.nunique() else values.map(str)


def _of_sizes(figures: Frame) -> Iterator[Conflict]:
    """Attacks of one kind that share no size ε: each would have a column of its own, mostly empty."""
    sized = figures[(figures["attack"] != "") & (figures["norm"] != "") & figures["eps"].notna()]
    for (attack, norm), of_kind in sized.groupby(["attack", "norm"]):
        if of_kind.groupby("eps")["run"].nunique().max() < of_kind["run"].nunique():
            sizes = of_kind.groupby("run", sort=False)["eps"].agg(lambda eps: tuple(sorted(set(eps))))
            texts = _short(sizes, lambda sizes: ", ".join(map(size, sizes)))
            yield Conflict(f"ε of {attack} in {norm}", _for_all(texts, figures))


def _of_ids(figures: Frame, options: Options) -> Iterator[Conflict]:
    """Figures of one id of which the runs have no common one; each run is described by its first."""
    shared = set(shared_kinds(figures)["id"])
    for id_ in [id_ for id_ in dict.fromkeys(["clean", *figures["id"]]) if id_ not in shared]:
        first = figures[figures["id"] == id_].drop_duplicates("run").set_index("run")
        facts: Frame = pd.DataFrame(list(map(json.loads, first["settings"])), first.index, dtype=object)
        facts = facts.assign(n=first["n"], **({} if options.any_version else {"code": first["code"]}))
        apart = [name for name in facts if facts[name].map(str).nunique() > 1]
        texts = [", ".join(f"{name} {run[name]}" for name in apart) for _, run in facts.iterrows()]
        values = _for_all(pd.Series(texts, facts.index), figures)
        yield Conflict(id_, values, is_code="code" in apart)


def _for_all(texts: Series, figures: Frame) -> Series:
    """Runs without this attack cannot conflict: they count as the first run that has it."""
    return texts.reindex(figures["run"].unique(), fill_value=texts.iloc[0])
