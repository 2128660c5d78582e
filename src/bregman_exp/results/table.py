"""The results table of whatever runs are there."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from rich.table import Table

from bregman_exp.results.run_folder import RunFolder

# What must agree between two runs that share a row.
Key = tuple[str, str, str, str, int, int]


@dataclass(frozen=True)
class Cell:
    """Accuracies over seeds (fractions), shown as mean ± standard deviation; ``marked``: unreliable."""

    values: tuple[float, ...]
    marked: bool = False

    def __str__(self) -> str:
        if not self.values:
            return "—"
        spread = f" ± {100 * stdev(self.values):.2f}" if len(self.values) > 1 else ""
        return f"{100 * mean(self.values):.2f}{spread}{' UNRELIABLE' if self.marked else ''}"


@dataclass(frozen=True)
class Row:
    """One line of the table: the runs that differ only in their seed."""

    key: Key
    seeds: tuple[int, ...]
    clean: Cell
    robust: dict[str, Cell]


def rows_of(metrics: Iterable[dict[str, Any]]) -> list[Row]:
    """Groups the metrics of complete runs into rows, sorted by name."""
    groups: dict[Key, list[dict[str, Any]]] = {}
    for record in metrics:
        groups.setdefault(_key(record), []).append(record)
    return [_row(key, records) for key, records in sorted(groups.items())]


def _key(record: dict[str, Any]) -> Key:
    data, train = record["dataset"], record["train"]
    return (
        data["label"],
        record["model"],
        record["act"],
        record["row_hash"],
        train["epochs"],
        record["clean"]["n"],
    )


def _row(key: Key, records: list[dict[str, Any]]) -> Row:
    records = sorted(records, key=lambda record: record["seed"])
    clean = Cell(tuple(record["clean"]["accuracy"] for record in records))
    ids = dict.fromkeys(entry["id"] for record in records for entry in record["robust"])
    return Row(key, tuple(r["seed"] for r in records), clean, {name: _cell(name, records) for name in ids})


def _cell(entry_id: str, records: list[dict[str, Any]]) -> Cell:
    entries = [entry for record in records for entry in record["robust"] if entry["id"] == entry_id]
    values = tuple(entry["accuracy"] for entry in entries if entry["accuracy"] is not None)
    return Cell(values, any(entry["verdict"] == "unreliable" for entry in entries))


def results_table(runs: Iterable[RunFolder], attack: str = "") -> Table:
    """Rows × (clean, each attack whose id starts so) in percent: mean ± standard deviation over the seeds.

    Runs that are not complete are counted in the caption, not shown.
    """
    runs = list(runs)
    complete = [run for run in runs if run.complete]
    rows = rows_of(run.read_metrics() for run in complete)
    attacks = dict.fromkeys(name for row in rows for name in row.robust if name.startswith(attack))
    missing = len(runs) - len(complete)
    open_runs = f"; {missing} runs are not complete" if missing else ""
    table = Table(caption=f"accuracy in percent; n test samples{open_runs}", padding=0)
    for heading in ("data", "model", "act", "epochs", "seeds", "n", "clean", *attacks):
        stacked = heading.replace("-", "\n")  # pgd-linf-0.01 in three lines
        table.add_column(stacked, justify="left" if heading in ("data", "model", "act") else "right")
    for row in rows:
        data, model, act, _, epochs, n = row.key
        robust = (str(row.robust.get(name, Cell(()))) for name in attacks)
        table.add_row(data, model, act, str(epochs), str(len(row.seeds)), str(n), str(row.clean), *robust)
    return table
