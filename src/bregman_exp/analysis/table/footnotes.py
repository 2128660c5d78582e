"""What is missing from a row, and which of its numbers need a mark: footnotes that name the runs."""

from collections.abc import Collection, Sequence

import pandas as pd

from bregman_exp.analysis.names import MARKS, Facts, Frame
from bregman_exp.runs.record import Verdict

MEANING = {
    Verdict.UNRELIABLE: "a check failed, so the true accuracy may be lower (docs/checks.md)",
    Verdict.DEGENERATE: "a constant classifier",
}


class Footnotes:
    """Texts numbered from 1; a text that is added twice has one number."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def add(self, *texts: str) -> list[int]:
        return [self.numbers.setdefault(text, len(self.numbers) + 1) for text in texts]


def seeds_in(runs: Frame) -> set[int]:
    return set(map(int, runs["seed"].dropna()))


def not_complete(runs: Frame) -> str:
    """E.g. "seed 3 (failed: …; path), seed 4 (running or interrupted; path)"."""
    texts = []
    for state, error, seed, path in runs[["state", "error", "seed", "run"]].itertuples(index=False):
        why = f"failed: {error}" if state == "failed" or error else "running or interrupted"
        texts.append(f"{'a run' if pd.isna(seed) else f'seed {seed}'} ({why}; {path})")
    return ", ".join(texts)


def missing_seeds(own: Collection[int], others: Collection[int], unfinished: Frame) -> list[str]:
    """E.g. ["not complete: seed 3 (failed: …; path); no run of seeds 4, 5"]; [] where none is missing."""
    texts = [] if unfinished.empty else [f"not complete: {not_complete(unfinished)}"]
    absent = set(others) - set(own) - seeds_in(unfinished)
    texts += [f"no run of {_seeds(absent)}, which other rows have"] if absent else []
    return ["; ".join(texts)] if texts else []


def _seeds(seeds: Collection[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, sorted(seeds)))}"


def marked_figures(name: str, figures: Frame, columns: Sequence[Facts]) -> list[tuple[str, list[int]]]:
    """A footnote for each mark that the row's figures have, with the runs; and the columns it belongs to."""
    notes = []
    for verdict, mark in MARKS.items():
        doubtful = figures[figures["verdict"] == verdict].sort_values(["seed", "column"], kind="stable")
        ids = [
            columns[column]["id"] + (" (not reported)" if pd.isna(accuracy) else "")
            for column, accuracy in zip(doubtful["column"], doubtful["accuracy"], strict=True)
        ]
        by_run = doubtful.assign(ids=ids).groupby(["seed", "run"], sort=False)["ids"].agg(", ".join)
        runs = [f"seed {seed} ({ids}; {path})" for (seed, path), ids in by_run.items()]
        if runs:
            text = f"{mark}: {MEANING[verdict]}: {name}, {', '.join(runs)}"
            notes.append((text, list(doubtful["column"].unique())))
    return notes


def missing_figures(row: Facts, figures: Frame, columns: Sequence[Facts]) -> list[tuple[str, list[int]]]:
    """A footnote where seeds of the row were not evaluated with an attack of the table; and its columns."""
    evaluated = figures.groupby("column")["seed"].agg(set)
    gaps: dict[tuple[int, ...], list[int]] = {}
    for column in range(len(columns)):
        missing = tuple(seed for seed in row["seeds"] if seed not in evaluated.get(column, ()))
        gaps.setdefault(missing, []).append(column)
    gaps.pop((), None)
    return [
        (f"{row['name']}: {_seeds(seeds)} not evaluated with {', '.join(columns[i]['id'] for i in of)}", of)
        for seeds, of in gaps.items()
    ]
