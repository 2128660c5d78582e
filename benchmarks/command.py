"""What ``scripts/bench.py`` does: measure the subjects in turn, write the figures, print the table."""

import sys
from collections.abc import Callable
from dataclasses import asdict

import torch
from rich.console import Console

from benchmarks import cost, evaluation, lightning, mlp, pipeline, step
from benchmarks.hardware import hardware
from benchmarks.options import Options, parse
from benchmarks.row import Row
from benchmarks.table import table
from bregman_exp.allocator import keep_freed_memory
from bregman_exp.data import DataError
from bregman_exp.results import print_whole
from bregman_exp.results.atomic import write_json

ROWS: dict[str, Callable[[Options], list[Row]]] = {
    "step": step.rows,
    "pipeline": pipeline.rows,
    "evaluation": evaluation.rows,
    "mlp": mlp.rows,
    "lightning": lightning.rows,
    "cost": cost.rows,
}


def bench() -> None:
    """The file is written anew after every subject, so that an interruption costs one of them."""
    options, rows, console = parse(), [], Console(stderr=True)
    keep_freed_memory()  # as train.py does
    torch.set_num_threads(options.threads)
    machine = hardware()
    for subject in options.what:
        console.print(f"measuring {subject} …", highlight=False)
        rows += _measured(subject, options)
        _write(options, machine, rows)
    print_whole(table(rows, machine))
    print(f"wrote {options.json}")


def _measured(subject: str, options: Options) -> list[Row]:
    try:
        return ROWS[subject](options)
    except DataError as error:  # it speaks of train.py's option
        sys.exit(str(error).replace("dataset.root:", "--images:"))


def _write(options: Options, machine: dict, rows: list[Row]) -> None:
    said = asdict(options) | {"json": str(options.json)}
    write_json(options.json, {"machine": machine, "options": said, "rows": [asdict(row) for row in rows]})
