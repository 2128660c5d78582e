"""The results table of whatever runs are there."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from rich.table import Table

from bregman_exp.results.marks import marks
from bregman_exp.results.run_folder import RunFolder

Record = dict[str, Any]  # the content of a metrics.json
# What must agree between two runs that share a row: data, model, act, row_hash, weights, n.
Key = tuple[str, str, str, str, str, int]
# An attack with its settings, as JSON: what must agree between two numbers that share a column.
SETTINGS = (
    *("id", "eps", "steps", "restarts", "rel_step", "random_start", "loss", "early_stop", "through"),
    *("precision", "members", "source", "class", "parameters"),
)


@dataclass(frozen=True)
class Cell:
    """Accuracies over seeds (fractions), shown as mean ± standard deviation, with their marks.

    ``seeds``: how many the row has; where the cell has fewer it says so.
    """

    values: tuple[float, ...]
    seeds: int
    marked: str = ""

    def __str__(self) -> str:
        if not self.values:
            return self.marked or "—"
        spread = f" ± {100 * stdev(self.values):.2f}" if len(self.values) > 1 else ""
        fewer = f" (n={len(self.values)})" if len(self.values) < self.seeds else ""
        return f"{100 * mean(self.values):.2f}{spread}{fewer}{' ' if self.marked else ''}{self.marked}"


@dataclass(frozen=True)
class Row:
    """One line of the table: the runs that differ only in their seed; ``robust`` by attack and settings."""

    key: Key
    seeds: tuple[int, ...]
    epochs: str
    clean: Cell
    robust: dict[str, Cell]


def rows_of(metrics: Iterable[Record]) -> list[Row]:
    """Groups the metrics of complete runs into rows, sorted by name; a run found twice counts once."""
    groups: dict[Key, dict[int, Record]] = {}
    for record in metrics:
        groups.setdefault(_key(record), {}).setdefault(record["seed"], record)
    return [_row(key, list(records.values())) for key, records in sorted(groups.items())]


def _key(record: Record) -> Key:
    names = (
        record["dataset"]["label"],
        record["model"],
        record["act"],
        record["row_hash"],
        record["weights"],
    )
    return (*names, record["clean"]["n"])


def _row(key: Key, records: list[Record]) -> Row:
    records = sorted(records, key=lambda record: record["seed"])
    entries = [entry for record in records for entry in record["robust"]]
    epochs = sorted({record["train"]["epochs"] for record in records})  # early stopping: several
    return Row(
        key,
        tuple(record["seed"] for record in records),
        "–".join(map(str, dict.fromkeys((epochs[0], epochs[-1])))),
        Cell(tuple(record["clean"]["accuracy"] for record in records), len(records)),
        {attack: _cell(attack, entries, len(records)) for attack in dict.fromkeys(map(_settings, entries))},
    )


def _settings(entry: Record) -> str:
    return json.dumps({name: entry.get(name) for name in SETTINGS})


def _cell(attack: str, entries: list[Record], seeds: int) -> Cell:
    entries = [entry for entry in entries if _settings(entry) == attack]
    values = tuple(entry["accuracy"] for entry in entries if entry["accuracy"] is not None)
    return Cell(values, seeds, marks(entry["verdict"] for entry in entries))


def results_table(runs: Iterable[RunFolder], attack: str = "") -> Table:
    """Rows × (clean, each attack whose id starts so) in percent: mean ± standard deviation over the seeds.

    ``row`` is the start of the row's hash: it tells rows apart that share their names. Runs that are not
    complete are counted in the caption, not shown. Raises ValueError where no run has such an attack.
    """
    runs = list(runs)
    complete = [run for run in runs if run.complete]
    rows = rows_of(run.read_metrics() for run in complete)
    attacks = dict.fromkeys(a for row in rows for a in row.robust if json.loads(a)["id"].startswith(attack))
    if attack and not attacks:
        raise ValueError(f"no complete run has an attack whose id starts with {attack!r}.")
    missing = len(runs) - len(complete)
    twice = len(complete) - sum(len(row.seeds) for row in rows)
    notes = ["accuracy in percent; n test samples"]
    notes += [f"{missing} runs are not complete"] if missing else []
    notes += [f"{twice} runs are there twice"] if twice else []
    table = Table(caption="; ".join(notes), padding=0)
    words = ("data", "model", "act", "row", "weights")
    for heading in (*words, "epochs", "seeds", "n", "clean", *(json.loads(a)["id"] for a in attacks)):
        stacked = heading.replace("-", "\n")  # pgd-linf-0.01 in three lines
        table.add_column(stacked, justify="left" if heading in words else "right")
    for row in rows:
        data, model, act, row_hash, weights, n = row.key
        robust = (str(row.robust.get(name, Cell((), len(row.seeds)))) for name in attacks)
        names = (data, model, act, row_hash[:4], weights)
        table.add_row(*names, row.epochs, str(len(row.seeds)), str(n), str(row.clean), *robust)
    return table
