"""Which figures become the columns of a table."""

import json
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from bregman_exp.results.published import is_fitted
from bregman_exp.results.table.content import Column
from bregman_exp.results.table.options import Options
from bregman_exp.results.table.settings import SETTINGS, Record, label
from bregman_exp.results.table.trained_run import Measure, TrainedRun

NORMS = {"linf": "ℓ∞", "l2": "ℓ2"}
PAPER = "paper"  # the suite of the published table
CLEAN = "test accuracy"


@dataclass(frozen=True)
class Chosen:
    """A column with the measures it takes: those of one attack, of one number of samples."""

    column: Column
    measures: frozenset[Measure]

    @property
    def published_as(self) -> str:
        """clean, linf or l2: which published figures belong beside it; "" for none."""
        column = self.column
        if column.id == "clean":
            return "clean"
        return column.norm or "" if is_fitted(column.attack, column.norm, column.eps) else ""


def wanted(runs: Iterable[TrainedRun], attacks: Sequence[str]) -> set[str]:
    """The settings of the attacks that may be columns, and of clean data.

    Without ``attacks`` these are the PGD entries of the suite paper; where no run has them, all entries.
    """
    figures = [(m, figure) for run in runs for m, figure in run.figures.items()]
    clean = {measure.settings for measure, _ in figures if measure.id == "clean"}
    if attacks:
        return clean | {m.settings for m, _ in figures if m.id != "clean" and m.id.startswith(tuple(attacks))}
    paper = {m.settings for m, f in figures if f.suite == PAPER and f.entry.get("attack") == "pgd"}
    return clean | (paper or {measure.settings for measure, _ in figures})


def shared_measures(
    id_: str, runs: Iterable[TrainedRun], among: AbstractSet[str], options: Options
) -> list[list[Measure]]:
    """The measures of this id that all runs with any have in common, alike ones together; [] for none.

    Alike: equal settings and, unless any version will do, equal code. Of one attack on several numbers of
    samples the largest counts.
    """
    own = [[m for m in run.figures if m.id == id_ and m.settings in among] for run in runs]
    own = [measures for measures in own if measures]
    kinds = [{alike(measure, options) for measure in measures} for measures in own]
    shared = set.intersection(*kinds) if kinds else set()
    first = [kind for kind in dict.fromkeys(alike(m, options) for m in own[0])] if own else []
    largest: dict[str, tuple[str, int, str]] = {}
    for kind in (kind for kind in first if kind in shared):
        if kind[0] not in largest or kind[1] > largest[kind[0]][1]:
            largest[kind[0]] = kind
    return [
        list(dict.fromkeys(m for measures in own for m in measures if alike(m, options) == kind))
        for kind in largest.values()
    ]


def alike(measure: Measure, options: Options) -> tuple[str, int, str]:
    """What two figures of one column share."""
    return measure.settings, measure.n, "" if options.any_version else measure.code


def ids(runs: Iterable[TrainedRun], among: AbstractSet[str]) -> list[str]:
    """The ids that may be columns, clean first."""
    there = dict.fromkeys(m.id for run in runs for m in run.figures if m.settings in among)
    return ["clean", *(name for name in there if name != "clean")]


def choose_columns(runs: Sequence[TrainedRun], options: Options) -> list[Chosen]:
    """Clean data, then ℓ∞, then ℓ2, then what has no norm; for runs that agree (see ``agreement``)."""
    among = wanted(runs, options.attacks)
    found = [m for id_ in ids(runs, among) for m in shared_measures(id_, runs, among, options)]
    entries = [_entry(runs, measures[0]) for measures in found]
    places = [_place(entry) for entry in entries]
    every = [measures[0].settings for measures in found]
    chosen = [
        Chosen(
            _column(entry, measures, every, _codes(runs, measures), places.count(_place(entry)) == 1),
            frozenset(measures),
        )
        for entry, measures in zip(entries, found, strict=True)
    ]
    return sorted(chosen, key=lambda one: _place({"id": one.column.id, "norm": one.column.norm}))


def _entry(runs: Iterable[TrainedRun], measure: Measure) -> Record:
    return next(run.figures[measure].entry for run in runs if measure in run.figures)


def _place(entry: Record) -> int:
    """0 for clean data, then by norm."""
    order = list(NORMS)
    norm = entry.get("norm")
    return 0 if entry["id"] == "clean" else 1 + (order.index(norm) if norm in order else len(order))


def _codes(runs: Iterable[TrainedRun], measures: Sequence[Measure]) -> tuple[str, ...]:
    """Of the figures that count: each run's first."""
    used = (next((m for m in run.figures if m in measures), None) for run in runs)
    return tuple(dict.fromkeys(measure.code for measure in used if measure))


def _column(
    entry: Record, measures: Sequence[Measure], every: Sequence[str], codes: tuple[str, ...], alone: bool
) -> Column:
    """``alone``: no other column is of its norm."""
    if entry["id"] == "clean":
        return Column("clean", CLEAN, measures[0].n, codes)
    norm = entry.get("norm")
    heading = f"{NORMS[norm]}-robust" if alone and norm in NORMS else label(measures[0].settings, every)
    told = {name: entry[name] for name in SETTINGS if entry.get(name) is not None and name != "id"}
    threat = entry.get("attack"), norm, entry.get("eps")
    return Column(entry["id"], heading, measures[0].n, codes, *threat, told)


def left_out(runs: Sequence[TrainedRun], chosen: Sequence[Chosen]) -> list[str]:
    """The labels of the attacks that some run has and no column shows."""
    shown = {(m.settings, m.n) for one in chosen for m in one.measures}
    there = {(m.settings, m.n): m for run in runs for m in run.figures if m.id != "clean"}
    rest = [m for kind, m in there.items() if kind not in shown]
    every = [m.settings for m in there.values()]
    names = {m: label(m.settings, every) for m in rest}
    same_attack = {m for m in rest if any(m.settings == settings for settings, _ in shown)}
    return sorted({f"{names[m]}, n = {m.n}" if m in same_attack else names[m] for m in rest}, key=str)


def settings_json(measure: Measure) -> dict[str, object]:
    return json.loads(measure.settings)
