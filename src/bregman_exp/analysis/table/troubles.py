"""What is missing from a row, and which of its numbers need a mark: footnotes that name the runs."""

from collections.abc import Iterable, Sequence

import pandas as pd

from bregman_exp.analysis.names import MARKS, Frame
from bregman_exp.analysis.table.content import Column, Footnotes
from bregman_exp.analysis.table.rows import Row
from bregman_exp.runs.record import Verdict

MEANING = {
    Verdict.UNRELIABLE: "a check failed, so the true accuracy may be lower (docs/checks.md)",
    Verdict.DEGENERATE: "a constant classifier",
}
Numbers = dict[int, list[int]]  # the place of a column -> the numbers of its footnotes


def seeds_in(runs: Frame) -> set[int]:
    return set(map(int, runs["seed"].dropna()))


def not_complete(runs: Frame) -> str:
    """E.g. "seed 3 (failed: …; path), seed 4 (running or interrupted; path)"."""
    told = []
    for state, error, seed, path in runs[["state", "error", "seed", "run"]].itertuples(index=False):
        why = f"failed: {error}" if state == "failed" or error else "running or interrupted"
        told.append(f"{'a run' if pd.isna(seed) else f'seed {seed}'} ({why}; {path})")
    return ", ".join(told)


def missing_seeds(own: Iterable[int], others: Iterable[int], unfinished: Frame) -> str:
    """E.g. "not complete: seed 3 (failed: …; path); no run of seeds 4, 5"; "" for none."""
    told = [] if unfinished.empty else [f"not complete: {not_complete(unfinished)}"]
    absent = set(others) - set(own) - seeds_in(unfinished)
    if absent:
        told.append(f"no run of {_seeds(absent)}, which other rows have")
    return "; ".join(told)


def _seeds(seeds: Iterable[int]) -> str:
    listed = sorted(seeds)
    return f"seed{'s' if len(listed) > 1 else ''} {', '.join(map(str, listed))}"


def marked_figures(row: Row, columns: Sequence[Column], notes: Footnotes) -> Numbers:
    """A footnote for each mark that the row's figures have, with the runs and columns."""
    numbers: Numbers = {}
    shown = [row.figures(place).assign(column=place) for place in range(len(columns))]
    figures = pd.concat(shown).sort_values(["seed", "column"], kind="stable")
    for verdict, word in MARKS.items():
        doubted = figures[figures["verdict"] == verdict]
        if doubted.empty:
            continue
        told = []
        for (seed, path), of_run in doubted.groupby(["seed", "run"], sort=False):  # pyright: ignore
            ids = [
                columns[place].id + (" (not reported)" if pd.isna(accuracy) else "")
                for place, accuracy in zip(of_run["column"], of_run["accuracy"], strict=True)
            ]
            told.append(f"seed {seed} ({', '.join(ids)}; {path})")
        number = notes.add(f"{word}: {MEANING[verdict]}: {row.name}, {', '.join(told)}")
        for place in dict.fromkeys(map(int, doubted["column"])):
            numbers.setdefault(place, []).append(number)
    return numbers


def missing_figures(row: Row, columns: Sequence[Column], notes: Footnotes) -> Numbers:
    """A footnote where seeds of the row were not evaluated with an attack of the table."""
    holes: dict[tuple[int, ...], list[int]] = {}
    for place in range(len(columns)):
        missing = tuple(sorted(set(row.seeds) - seeds_in(row.figures(place))))
        if missing:
            holes.setdefault(missing, []).append(place)
    numbers: Numbers = {}
    for seeds, places in holes.items():
        ids = ", ".join(columns[place].id for place in places)
        number = notes.add(f"{row.name}: {_seeds(seeds)} not evaluated with {ids}")
        numbers |= {place: [number] for place in places}
    return numbers
