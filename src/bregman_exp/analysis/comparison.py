"""Two rows, or two runs, side by side: is one better, on clean data and under each attack both have?

The formulas are in ``intervals.py``."""

import json
from dataclasses import dataclass

import pandas as pd
from rich.table import Table
from rich.text import Text

from bregman_exp.analysis.intervals import Interval, paired, welch
from bregman_exp.analysis.names import Frame, differing_keys, label, marks
from bregman_exp.analysis.table.baseline import rights_of
from bregman_exp.analysis.table.columns import records
from bregman_exp.runs.run_folder import NotARunError

ABSENT = "—"
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


@dataclass(frozen=True)
class Side:
    """One row. ``runs``: a line for each seed; ``figures``: all of them; ``notes``: what does not count."""

    runs: Frame
    figures: Frame
    paths: frozenset[str]
    notes: list[str]

    def of(self, settings: str, n: int) -> Frame:
        return self.figures[(self.figures["settings"] == settings) & (self.figures["n"] == n)]

    def __str__(self) -> str:
        run, seeds = self.runs.iloc[0], len(self.runs)
        which = f"seed {run['seed']}" if seeds == 1 else f"{seeds} seeds"
        row = f"{run['data']}, {run['weights']} weights, row {run['row'][:4]}"
        return f"{run['model']} ({run['act']}), {row}, {which}"


def comparison_table(a: Frame, b: Frame) -> Table:
    """A line for clean data and for each attack that both frames have, with equal settings and samples.

    One run each: McNemar's exact test, sample by sample. Several seeds on a side: the difference of the means
    with Welch's interval. Attacks come from the runs and from their evaluations of the same weights.

    Raises ValueError, in one sentence, where a side is not one row or where both have not the same samples.
    """
    sides = _side("A", a), _side("B", b)
    _check_comparable(*sides)
    keys = [side.figures[KEY].drop_duplicates() for side in sides]
    both = keys[0].merge(keys[1], on=KEY)
    single = all(len(side.runs) == 1 for side in sides)
    left_out = [
        f"left out: {n} that only {name} has (other attacks, settings or numbers of samples)"
        for name, own in zip("AB", keys, strict=True)
        if (n := len(own) - len(both))
    ]
    headings = ("only A", "only B", "p") if single else ("seeds A", "seeds B")
    table = Table(
        caption="; ".join([PAIRED if single else OVER_SEEDS, *left_out, *sides[0].notes, *sides[1].notes])
    )
    table.title, table.title_justify = (
        Text(f"A: {sides[0]}\nB: {sides[1]}"),
        "left",
    )  # Text: names are no markup
    table.add_column("")
    for heading in ("A", "B", "A − B", "95 %", *headings, "n"):
        table.add_column(heading, justify="right")
    for settings, n in both.itertuples(index=False):
        x, y = (side.of(settings, n) for side in sides)
        cells = _paired(x, y) if single else _over_seeds(x, y, *sides)
        name = Text(label(settings, both["settings"]))
        table.add_row(name, _cell(x), _cell(y), *cells, str(n))
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
    weights = figures["weights"] == complete["weights"].iloc[0]
    counts = {
        "runs are not complete": len(runs) - len(complete),
        "runs are there twice": len(complete) - len(chosen),
        "evaluations are of other weights": len(figures[~weights].drop_duplicates(["run", "evaluation"])),
    }
    notes = [f"{name}: {count} {words}" for words, count in counts.items() if count]
    used = figures[weights].drop_duplicates(["run", *KEY])
    return Side(chosen, used, frozenset(complete["run"]), notes)


def _check_one_row(name: str, runs: Frame) -> None:
    """Raises ValueError, with what differs, where the runs are of several rows."""
    rows = runs[["row", "weights"]].drop_duplicates()
    if len(rows) == 1:
        return
    about = {key: runs[key] for key in ("model", "act", "weights")} | {"dataset": runs["data"]}
    differing = _differing(pd.DataFrame(about))
    if not differing:
        configs = [json.loads(text) for text in runs["config"]]
        keys = differing_keys(configs)
        differing = _differing(
            pd.DataFrame([{key: config.get(key) for key in keys} for config in configs], dtype=object)
        )
    told = f"{name} holds {len(rows)} rows, which differ in {differing or 'their data'}"
    raise ValueError(f"{told}; give runs that differ only in their seed.")


def _differing(facts: Frame) -> str:
    """E.g. "optim.lr (0.01, 0.1) and act (atan, tanh)"; "" where all are equal."""
    values = {name: list(dict.fromkeys(map(str, facts[name]))) for name in facts}
    return " and ".join(f"{name} ({', '.join(own)})" for name, own in values.items() if len(own) > 1)


def _check_comparable(a: Side, b: Side) -> None:
    """Whether both sides are of other runs, of the same data, and have clean figures of as many samples."""
    shared = sorted(a.paths & b.paths)
    if shared:
        raise ValueError(f"A and B share the run {shared[0]}; give two that have none in common.")
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


def _paired(a: Frame, b: Frame) -> list[str]:
    if a["accuracy"].isna().any() or b["accuracy"].isna().any():
        return [ABSENT] * 5
    result = paired(*rights_of(*(records(side.iloc[:1])[0] for side in (a, b))))
    p = f"{result.p:.3f}" if result.p >= 0.001 else f"{result.p:.0e}"
    return [_points(result.difference), _interval(result.ci95), str(result.only_a), str(result.only_b), p]


def _over_seeds(a: Frame, b: Frame, side_a: Side, side_b: Side) -> list[str]:
    x, y = (list(map(float, side["accuracy"].dropna())) for side in (a, b))
    cells = [ABSENT, ABSENT]
    if x and y:
        result = welch(x, y)
        cells = [_points(result.difference), _interval(result.ci95)]
    return [*cells, _of(len(x), len(side_a.runs)), _of(len(y), len(side_b.runs))]


def _cell(figures: Frame) -> str:
    """Mean (± standard deviation) in percent of what is reported, and what must be said of it."""
    values = 100 * figures["accuracy"].dropna()
    missing = len(figures) - len(values)
    spread = f" ± {values.std():.2f}" if len(values) > 1 else ""
    words = [f"{values.mean():.2f}{spread}"] if len(values) else []
    words += [f"({missing} not reported)" if len(values) else "not reported"] if missing else []
    return " ".join([*words, marks(figures["verdict"])]).strip()


def _points(fraction: float) -> str:
    return f"{100 * fraction:+.2f}"


def _interval(interval: Interval | None) -> str:
    return f"[{_points(interval[0])}, {_points(interval[1])}]" if interval else ABSENT


def _of(some: int, every: int) -> str:
    return str(some) if some == every else f"{some} of {every}"
