"""Runs that may share a table: the same data, epochs, code, and attacks with the same settings."""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from bregman_exp.results.table.columns import ids, settings_json, shared_measures, wanted
from bregman_exp.results.table.options import Options
from bregman_exp.results.table.settings import Record
from bregman_exp.results.table.trained_run import Measure, TrainedRun, short_code

NAMED = 3  # so many runs are named of those that share a value


class DifferingRunsError(ValueError):
    """Runs that do not share a table; ``differing``: in what, in words."""

    def __init__(self, differing: str, advice: str):
        super().__init__(f"these runs do not share a table, they differ in {differing}; {advice}.")
        self.differing = differing


@dataclass(frozen=True)
class Conflict:
    """What keeps runs from one table: ``what`` differs, ``values`` are each run's, in words."""

    what: str
    values: tuple[str, ...]
    is_code: bool = False

    def told(self, runs: Sequence[TrainedRun]) -> str:
        """E.g. "epochs: 1 (a/seed-0) and 182 (b/seed-0, b/seed-1)"."""
        having = {
            value: [run.path for run, own in zip(runs, self.values, strict=True) if own == value]
            for value in dict.fromkeys(self.values)
        }
        return f"{self.what}: " + " and ".join(f"{value} ({_some(paths)})" for value, paths in having.items())


def agreeing(runs: Sequence[TrainedRun], options: Options) -> list[list[TrainedRun]]:
    """The runs in parts that may each be a table: one part, or with ``options.split`` several.

    Raises DifferingRunsError, in one sentence, where the runs do not agree and are not to be split.
    """
    conflicts = _of_training(runs, options) or _of_figures(runs, options)
    if not conflicts:
        return [list(runs)]
    if not options.split:
        raise _refusal(conflicts, runs)
    kinds = list(zip(*(conflict.values for conflict in conflicts), strict=True))
    parts = [
        [run for run, own in zip(runs, kinds, strict=True) if own == kind] for kind in dict.fromkeys(kinds)
    ]
    return [smaller for part in parts for smaller in agreeing(part, options)]


def _refusal(conflicts: Sequence[Conflict], runs: Sequence[TrainedRun]) -> DifferingRunsError:
    differing = "; ".join(conflict.told(runs) for conflict in conflicts)
    advice = "give runs that agree, or --split for a table of each"
    if any(conflict.is_code for conflict in conflicts):
        advice += ", or --any-version to mix code versions"
    return DifferingRunsError(differing, advice)


def _of_training(runs: Sequence[TrainedRun], options: Options) -> list[Conflict]:
    told = [
        _conflict("data", [(run.label, run.fingerprint) for run in runs], lambda x: f"{x[0]} {x[1][:8]}"),
        _conflict("epochs", [run.budget for run in runs], str),
    ]
    if not options.any_version:
        codes = _conflict("code version", [run.code for run in runs], short_code)
        told.append(codes and Conflict(codes.what, codes.values, is_code=True))
    return [conflict for conflict in told if conflict]


def _conflict(what: str, values: Sequence[Any], short: Callable[[Any], str]) -> Conflict | None:
    """None where all are equal; short words where these tell the values apart."""
    several = set(values)
    if len(several) == 1:
        return None
    words = short if len(set(map(short, several))) == len(several) else str
    return Conflict(what, tuple(words(value) for value in values))


def _of_figures(runs: Sequence[TrainedRun], options: Options) -> list[Conflict]:
    among = wanted(runs, options.attacks)
    told = [_of_id(id_, runs, among, options) for id_ in ids(runs, among)]
    return [conflict for conflict in (*_sizes(runs, among), *told) if conflict]


def _of_id(
    id_: str, runs: Sequence[TrainedRun], among: AbstractSet[str], options: Options
) -> Conflict | None:
    """Figures of one id of which the runs have no common one; each run is told by its first."""
    if shared_measures(id_, runs, among, options):
        return None
    own = [next((m for m in run.figures if m.id == id_ and m.settings in among), None) for run in runs]
    there = [_facts(measure, options) for measure in own if measure]
    names = [name for name in there[0] if len({str(facts[name]) for facts in there}) > 1]
    words = [", ".join(f"{name} {facts[name]}" for name in names) for facts in there]
    each = iter(words)
    values = tuple(next(each) if measure else words[0] for measure in own)  # who has none has no objection
    return Conflict(id_, values, is_code="code" in names)


def _facts(measure: Measure, options: Options) -> dict[str, object]:
    code = {} if options.any_version else {"code": measure.code}
    return settings_json(measure) | {"n": measure.n} | code


def _sizes(runs: Sequence[TrainedRun], among: AbstractSet[str]) -> list[Conflict]:
    """Attacks of one kind that share no size ε: each would have a column of its own, full of holes."""
    told = []
    entries = [_entries(run, among) for run in runs]
    kinds = {(e["attack"], e["norm"]) for own in entries for e in own if e.get("attack") and e.get("norm")}
    for attack, norm in sorted(kinds):
        own = [
            tuple(sorted({e["eps"] for e in of_run if (e.get("attack"), e.get("norm")) == (attack, norm)}))
            for of_run in entries
        ]
        there = [sizes for sizes in own if sizes]
        if not set(there[0]).intersection(*there):
            told.append(_conflict(f"ε of {attack} in {norm}", [x or there[0] for x in own], _short_sizes))
    return told


def _short_sizes(sizes: tuple[float, ...]) -> str:
    return ", ".join(f"{eps:.4g}" for eps in sizes)


def _entries(run: TrainedRun, among: AbstractSet[str]) -> list[Record]:
    return [f.entry for m, f in run.figures.items() if m.settings in among and f.entry.get("eps") is not None]


def _some(paths: Iterable[str]) -> str:
    paths = list(paths)
    more = len(paths) - NAMED
    return ", ".join(paths[:NAMED]) + (f" and {more} more" if more > 0 else "")
