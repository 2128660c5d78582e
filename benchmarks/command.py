"""What ``scripts/bench.py`` does: measure the subjects in turn, write the figures, print the table."""

import json
from collections.abc import Callable
from dataclasses import asdict

import torch
from rich.console import Console

from benchmarks import evaluation, lightning, mlp, pipeline, step
from benchmarks.hardware import hardware
from benchmarks.options import Options, parse
from benchmarks.row import Row
from benchmarks.table import table
from bregman_exp.allocator import keep_freed_memory
from bregman_exp.results import print_whole

ROWS: dict[str, Callable[[Options], list[Row]]] = {
    "step": step.rows,
    "pipeline": pipeline.rows,
    "evaluation": evaluation.rows,
    "mlp": mlp.rows,
    "lightning": lightning.rows,
}


def bench() -> None:
    """The file is written anew after every subject, so that an interruption costs one of them."""
    options, rows, console = parse(), [], Console(stderr=True)
    keep_freed_memory()  # as train.py does
    torch.set_num_threads(options.threads)
    machine = hardware()
    for subject in options.what:
        console.print(f"measuring {subject} …", highlight=False)
        rows += ROWS[subject](options)
        _write(options, machine, rows)
    print_whole(table(rows, machine))
    print(f"wrote {options.json}")


def _write(options: Options, machine: dict, rows: list[Row]) -> None:
    content = {"machine": machine, "options": asdict(options), "rows": [asdict(row) for row in rows]}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(content, indent=2, default=str) + "\n")
