"""Two rows, or two runs, side by side: is one better, on clean data and under each attack both have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from rich.table import Table
from rich.text import Text

from bregman_exp.results.marks import marks
from bregman_exp.results.predictions import checked, rights
from bregman_exp.results.run_folder import RunFolder
from bregman_exp.results.statistics import Interval, paired, welch
from bregman_exp.results.stored_config import stored_config
from bregman_exp.results.table.settings import Record, id_of, label, settings_of

TRAINED_BY = ("act", "dataset", "model", "optim", "trainer")  # the groups of config.yaml that make a row
ABSENT = "—"


@dataclass(frozen=True)
class Key:
    """What two figures must share to be compared: attack and settings, as JSON, and the number of samples."""

    settings: str
    n: int

    @property
    def id(self) -> str:
        return id_of(self.settings)


@dataclass(frozen=True)
class Figure:
    """One accuracy (None: not reported) of one run; ``folder`` tells it sample by sample."""

    accuracy: float | None
    correct: int | None
    verdict: str
    folder: RunFolder


Figures = dict[Key, Figure]  # of one run: clean, then its attacks


@dataclass(frozen=True)
class Side:
    """The complete runs of one row, by seed; ``notes``: what of the given folders does not count."""

    records: list[Record]
    figures: list[Figures]
    paths: frozenset[str]
    notes: list[str]

    def __str__(self) -> str:
        record, seeds = self.records[0], len(self.records)
        which = f"seed {record['seed']}" if seeds == 1 else f"{seeds} seeds"
        row = f"{record['dataset']['label']}, {record['weights']} weights, row {record['row_hash'][:4]}"
        return f"{record['model']} ({record['act']}), {row}, {which}"

    @property
    def keys(self) -> list[Key]:
        return list(dict.fromkeys(key for figures in self.figures for key in figures))

    def of(self, key: Key) -> list[Figure]:
        return [figures[key] for figures in self.figures if key in figures]


def comparison_table(a: Iterable[RunFolder], b: Iterable[RunFolder]) -> Table:
    """A line for clean data and for each attack that both have, with equal settings and as many samples.

    One run each: McNemar's exact test, sample by sample. Several seeds on a side: the difference of the means
    with Welch's interval. Attacks come from the runs and from their evaluations of the same weights.

    Raises ValueError, in one sentence, where a side is not one row or where both have not the same samples.
    """
    one, other = _side("A", a), _side("B", b)
    _check_comparable(one, other)
    keys = [key for key in one.keys if key in other.keys]
    single = len(one.records) == len(other.records) == 1
    table = (_paired_table if single else _welch_table)(one, other, keys)
    table.title, table.title_justify = Text(f"A: {one}\nB: {other}"), "left"  # Text: names are no markup
    only = [len([key for key in side.keys if key not in keys]) for side in (one, other)]
    left_out = [
        f"left out: {n} that only {name} has (other attacks, settings or numbers of samples)"
        for n, name in zip(only, "AB", strict=True)
        if n
    ]
    table.caption = "; ".join([str(table.caption), *left_out, *one.notes, *other.notes])
    return table


def _side(name: str, runs: Iterable[RunFolder]) -> Side:
    """Reads a side; a seed that is there twice counts once."""
    runs = list(runs)
    complete = [run for run in runs if run.complete]
    if not complete:
        raise ValueError(f"{name} has no complete run; train or finish one first.")
    records = [checked(run) for run in complete]
    _check_one_row(name, complete, records)
    by_seed: dict[int, tuple[RunFolder, Record]] = {}
    for run, record in zip(complete, records, strict=True):
        by_seed.setdefault(record["seed"], (run, record))
    chosen = [by_seed[seed] for seed in sorted(by_seed)]
    read = [_figures(run, record) for run, record in chosen]
    counts = {
        "runs are not complete": len(runs) - len(complete),
        "runs are there twice": len(complete) - len(chosen),
        "evaluations are of other weights": sum(left_out for _, left_out in read),
    }
    return Side(
        [record for _, record in chosen],
        [figures for figures, _ in read],
        frozenset(str(run.path.resolve()) for run in complete),
        [f"{name}: {count} {words}" for words, count in counts.items() if count],
    )


def _figures(run: RunFolder, record: Record) -> tuple[Figures, int]:
    """A run's figures, its own before its evaluations', and how many of these are left out: other weights."""
    folders = [RunFolder(path) for path in sorted((run.path / "evaluations").glob("*"))]
    later = [(folder, checked(folder)) for folder in folders if folder.complete]
    used = [(folder, content) for folder, content in later if content["weights"] == record["weights"]]
    figures: Figures = {}
    for folder, content in [(run, record), *used]:
        clean: dict[str, Any] = {"id": "clean", "verdict": "", **content["clean"]}
        for entry in (clean, *content["robust"]):
            figure = Figure(entry["accuracy"], entry["correct"], entry["verdict"], folder)
            figures.setdefault(Key(settings_of(entry), entry["n"]), figure)
    return figures, len(later) - len(used)


def _check_one_row(name: str, runs: Sequence[RunFolder], records: Sequence[Record]) -> None:
    rows = {(record["row_hash"], record["weights"]) for record in records}
    if len(rows) > 1:
        names = [_row_names(record) for record in records]
        what = _differences(names) or _differences([_trained_by(run) for run in runs]) or "their data"
        told = f"{name} holds {len(rows)} rows, which differ in {what}"
        raise ValueError(f"{told}; give runs that differ only in their seed.")


def _row_names(record: Record) -> dict[str, Any]:
    names = {name: record[name] for name in ("model", "act", "weights")}
    return names | {"dataset": record["dataset"]["label"]}


def _trained_by(run: RunFolder) -> dict[str, Any]:
    """The keys of a run's config that may make its row: {"optim.lr": 0.01, …}."""
    return {key: value for key, value in stored_config(run).items() if key.split(".")[0] in TRAINED_BY}


def _differences(records: Sequence[Mapping[str, Any]]) -> str:
    """E.g. "optim.lr (0.01, 0.1) and act (atan, tanh)"; "" where all are equal."""
    told = []
    for name in dict.fromkeys(name for record in records for name in record):
        values = list(dict.fromkeys(str(record.get(name)) for record in records))
        told += [f"{name} ({', '.join(values)})"] if len(values) > 1 else []
    return " and ".join(told)


def _check_comparable(one: Side, other: Side) -> None:
    """Whether both sides are of other runs, of the same data, and have clean figures of as many samples."""
    shared = sorted(one.paths & other.paths)
    if shared:
        raise ValueError(f"A and B share the run {shared[0]}; give two that have none in common.")
    prints = [side.records[0]["dataset"]["fingerprint"] for side in (one, other)]
    if prints[0] != prints[1]:
        raise ValueError(
            f"A and B have other data (fingerprints {prints[0][:8]} and {prints[1][:8]}); "
            "only runs on the same data can be compared."
        )
    sizes = [[key.n for key in side.keys if key.id == "clean"] for side in (one, other)]
    if not set(sizes[0]) & set(sizes[1]):
        numbers = [" and ".join(map(str, several)) for several in sizes]
        raise ValueError(
            f"A was evaluated on {numbers[0]} test samples and B on {numbers[1]}; "
            "evaluate both on the same (attack.samples)."
        )


def _paired_table(one: Side, other: Side, keys: Sequence[Key]) -> Table:
    notes = (
        "accuracy in percent, A − B in points with Newcombe's 95 % interval",
        "only A, only B: samples that only this one has right",
        "p: McNemar's exact test of these two networks, line by line; to judge their kinds compare seeds",
    )
    table = _table("; ".join(notes), ("A", "B", "A − B", "95 %", "only A", "only B", "p", "n"))
    for key in keys:
        (a,), (b,) = one.of(key), other.of(key)
        cells = [ABSENT] * 5
        if a.accuracy is not None and b.accuracy is not None:
            result = paired(*rights(key.id, a, b))
            cells = [_points(result.difference), _interval(result.ci95)]
            cells += [str(result.only_a), str(result.only_b), _probability(result.p)]
        table.add_row(
            Text(label(key.settings, [other.settings for other in keys])),
            _cell([a]),
            _cell([b]),
            *cells,
            str(key.n),
        )
    return table


def _welch_table(one: Side, other: Side, keys: Sequence[Key]) -> Table:
    notes = (
        "accuracy in percent: mean ± standard deviation over seeds",
        "A − B in points with Welch's 95 % interval over seeds, line by line",
        "no interval (—) with fewer than two seeds on a side, or where neither side spreads",
    )
    table = _table("; ".join(notes), ("A", "B", "A − B", "95 %", "seeds A", "seeds B", "n"))
    for key in keys:
        sides = one.of(key), other.of(key)
        a, b = (_reported(figures) for figures in sides)
        cells = [ABSENT, ABSENT]
        if a and b:
            result = welch(a, b)
            cells = [_points(result.difference), _interval(result.ci95)]
        seeds = (_of(len(x), len(side.records)) for x, side in ((a, one), (b, other)))
        table.add_row(
            Text(label(key.settings, [other.settings for other in keys])),
            *map(_cell, sides),
            *cells,
            *seeds,
            str(key.n),
        )
    return table


def _table(caption: str, headings: Sequence[str]) -> Table:
    table = Table(caption=caption)
    table.add_column("")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _cell(figures: Sequence[Figure]) -> str:
    """Mean (± standard deviation) in percent of what is reported, and what must be said of it."""
    values = _reported(figures)
    missing = len(figures) - len(values)
    spread = f" ± {100 * stdev(values):.2f}" if len(values) > 1 else ""
    words = [f"{100 * mean(values):.2f}{spread}"] if values else []
    words += [f"({missing} not reported)" if values else "not reported"] if missing else []
    return " ".join([*words, marks(figure.verdict for figure in figures)]).strip()


def _reported(figures: Sequence[Figure]) -> list[float]:
    return [figure.accuracy for figure in figures if figure.accuracy is not None]


def _points(fraction: float) -> str:
    return f"{100 * fraction:+.2f}"


def _interval(interval: Interval | None) -> str:
    return f"[{_points(interval[0])}, {_points(interval[1])}]" if interval else ABSENT


def _probability(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"


def _of(some: int, all_of_them: int) -> str:
    return str(some) if some == all_of_them else f"{some} of {all_of_them}"
