"""Two rows, or two runs, side by side: is one better, on clean data and under each attack both have?

The formulas are in ``intervals.py``."""

import json
from typing import NamedTuple

import pandas as pd
from rich.table import Column, Table
from rich.text import Text

from bregman_exp.analysis.formats import ABSENT, percent, points, points_interval
from bregman_exp.analysis.frame import COLUMNS
from bregman_exp.analysis.intervals import paired, welch
from bregman_exp.analysis.names import Facts, Frame, base_name, label, marks, records
from bregman_exp.analysis.table.baseline import over_seeds, rights_of
from bregman_exp.runs.run_folder import NotARunError

KEY = ["settings", "n"]  # what two figures must share to be compared
PAIRED = (
    "accuracy in percent, A − B in points with Newcombe's 95 % interval; "
    "only A, only B: samples that only this one has right; "
    "p: McNemar's exact test of these two networks, line by line; to judge their kinds compare seeds"
)
OVER_SEEDS = (
    "accuracy in percent: mean ± standard deviation over seeds; "
    "A − B in points with Welch's 95 % interval over seeds, line by line; "
    "no interval (—) with fewer than two seeds on a side, or where neither side spreads"
)


class Side(NamedTuple):
    """A row. ``runs``: one for each seed; ``figures``: of their weights, a line for each run and ``KEY``;
    ``notes``: what does not count."""

    name: str
    runs: Frame
    figures: Frame
    notes: list[str]

    def __str__(self) -> str:
        run, seeds = self.runs.iloc[0], len(self.runs)
        which = f"seed {run['seed']}" if seeds == 1 else f"{seeds} seeds"
        row = base_name(run["model"], run["act"], json.loads(run["config"]))
        of_row = f"{run['data']}, {run['weights']} weights, row {run['row'][:4]}"
        return f"{self.name}: {row}, {of_row}, {which}"


def comparison_table(a: Frame, b: Frame) -> Table:
    """A line for clean data and for each attack that both frames have, with equal settings and samples.

    One run each: McNemar's exact test, sample by sample. Several seeds on a side: the difference of the means
    with Welch's interval. Attacks come from the runs and from their evaluations of the same weights.

    Raises ValueError, in one sentence, where a side is not one row or where both have not the same samples.
    """
    sides = _side("A", a), _side("B", b)
    shared_runs = sorted(set(a["run"]) & set(b["run"]))
    if shared_runs:
        raise ValueError(f"A and B share the run {shared_runs[0]}; give two that have none in common.")
    _check_same_samples(*sides)
    figures: Frame = pd.concat([side.figures.assign(side=side.name) for side in sides])
    shared = figures.groupby(KEY)["side"].transform("nunique") == 2
    alone = figures[~shared].drop_duplicates(KEY).groupby("side").size()
    left_out = [
        f"left out: {n} that only {name} has (other attacks, settings or numbers of samples)"
        for name, n in alone.items()
    ]
    is_single = all(len(side.runs) == 1 for side in sides)
    caption = [PAIRED if is_single else OVER_SEEDS, *left_out, *sides[0].notes, *sides[1].notes]
    headings = ("only A", "only B", "p") if is_single else ("seeds A", "seeds B")
    columns = [Column(name, justify="right") for name in ("A", "B", "A − B", "95 %", *headings, "n")]
    title = Text(f"{sides[0]}\n{sides[1]}")  # Text: names are no markup
    table = Table("", *columns, title=title, title_justify="left", caption="; ".join(caption))
    both = figures[shared]
    for (settings, n), pair in both.groupby(KEY, sort=False):
        x, y = (over_seeds(records(pair[pair["side"] == side.name])) for side in sides)
        cells = _paired(x, y) if is_single else _unpaired(x, y, *sides)
        table.add_row(Text(label(settings, both["settings"])), _cell(x), _cell(y), *cells, str(n))
    return table


def _side(name: str, frame: Frame) -> Side:
    """A seed that is there twice counts once."""
    for sentence in frame.loc[frame["state"] == "damaged", "error"]:
        raise NotARunError(sentence)
    runs = frame[frame["evaluation"] == ""].drop_duplicates("run")
    complete = runs[runs["state"] == "complete"]
    if complete.empty:
        raise ValueError(f"{name} has no complete run; train or finish one first.")
    _check_one_row(name, complete)
    chosen = complete.drop_duplicates("seed").sort_values("seed")
    figures = chosen[["run"]].merge(frame[frame["id"] != ""], on="run", how="left")
    of_weights = figures["weights"] == complete["weights"].iloc[0]
    counts = {
        "runs are not complete": len(runs) - len(complete),
        "runs are there twice": len(complete) - len(chosen),
        "evaluations are of other weights": len(figures[~of_weights].drop_duplicates(["run", "evaluation"])),
    }
    notes = [f"{name}: {count} {what}" for what, count in counts.items() if count]
    used = figures[of_weights].drop_duplicates(["run", *KEY])
    return Side(name, chosen, used, notes)


def _check_one_row(name: str, runs: Frame) -> None:
    """Raises ValueError, with what differs, where the runs are of several rows."""
    n = len(runs[["row", "weights"]].drop_duplicates())
    if n == 1:
        return
    facts = runs[["model", "act", "weights", "data"]].rename(columns={"data": "dataset"})
    keys = runs.columns.drop(list(COLUMNS))  # of configs that differ
    differing = _differing(facts) or _differing(runs[keys]) or "their data"
    raise ValueError(
        f"{name} holds {n} rows, which differ in {differing}; give runs that differ only in their seed."
    )


def _differing(facts: Frame) -> str:
    """E.g. "optim.lr (0.01, 0.1) and act (atan, tanh)"; "" where all are equal."""
    values = {name: facts[name].unique() for name in facts}
    return " and ".join(f"{name} ({', '.join(own)})" for name, own in values.items() if len(own) > 1)


def _check_same_samples(a: Side, b: Side) -> None:
    """Whether both sides are of the same data and have clean figures of as many samples."""
    prints = [side.runs["fingerprint"].iloc[0] for side in (a, b)]
    if prints[0] != prints[1]:
        raise ValueError(
            f"A and B have other data (fingerprints {prints[0][:8]} and {prints[1][:8]}); "
            "only runs on the same data can be compared."
        )
    sizes = [side.figures.loc[side.figures["id"] == "clean", "n"].unique() for side in (a, b)]
    if not set(sizes[0]) & set(sizes[1]):
        numbers = [" and ".join(map(str, several)) for several in sizes]
        raise ValueError(
            f"A was evaluated on {numbers[0]} test samples and B on {numbers[1]}; "
            "evaluate both on the same (attack.samples)."
        )


def _paired(a: Facts, b: Facts) -> list[str]:
    if not a["n_seeds"] or not b["n_seeds"]:
        return [ABSENT] * 5
    result = paired(*rights_of(a, b))
    p = f"{result.p:.3f}" if result.p >= 0.001 else f"{result.p:.0e}"
    difference = [points(result.difference), points_interval(result.ci95)]
    return [*difference, str(result.only_a), str(result.only_b), p]


def _unpaired(a: Facts, b: Facts, *sides: Side) -> list[str]:
    x, y = a["accuracies"], b["accuracies"]
    difference, interval = welch(x, y) if x and y else (None, None)
    seeds = [(cell["n_seeds"], len(side.runs)) for cell, side in zip((a, b), sides, strict=True)]
    counts = [str(n) if n == every else f"{n} of {every}" for n, every in seeds]
    return [points(difference), points_interval(interval), *counts]


def _cell(cell: Facts) -> str:
    """Mean (± standard deviation) in percent of what is reported, what is not, and marks."""
    n, missing = cell["n_seeds"], len(cell["figures"]) - cell["n_seeds"]
    texts = [percent(cell["mean"], cell["std"])] if n else []
    texts += [f"({missing} not reported)" if n else "not reported"] if missing else []
    return " ".join([*texts, marks(cell["verdicts"])]).strip()
