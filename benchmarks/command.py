"""The command ``scripts/bench.py``: measures the subjects in turn, writes the figures, prints the table."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict

import torch
from rich.console import Console

from benchmarks import cost, evaluation, family, gpu, lightning, mlp, pipeline, step
from benchmarks.hardware import hardware
from benchmarks.options import FAMILY, GPU, Options, parse
from benchmarks.row import Row
from benchmarks.table import table
from bregman_exp.data import DataError
from bregman_exp.memory import keep_freed_memory
from bregman_exp.runs.atomic import write_json
from bregman_exp.terminal import print_whole

ROWS: dict[str, Callable[[Options], Iterable[Row]]] = {
    "step": step.rows,
    "pipeline": pipeline.rows,
    "evaluation": evaluation.rows,
    "mlp": mlp.rows,
    "lightning": lightning.rows,
    "cost": cost.rows,
    GPU: gpu.rows,
    FAMILY: family.rows,
}


def bench() -> None:
    """Rewrites the file after every line, so that an interruption loses only the measurement it stops."""
    options, rows, console = parse(), [], Console(stderr=True)
    if GPU in options.what:
        gpu.require_gpu()
    keep_freed_memory()  # as train.py does
    torch.set_num_threads(options.threads)
    machine = hardware() | ({"gpu": torch.cuda.get_device_name()} if GPU in options.what else {})
    for subject in options.what:
        console.print(f"measuring {subject} …", highlight=False)
        for row in _measured(subject, options):
            rows.append(row)
            _write(options, machine, rows)
    print_whole(table(rows, machine))
    print(f"wrote {options.json}")


def _measured(subject: str, options: Options) -> Iterator[Row]:
    try:
        yield from ROWS[subject](options)
    except DataError as error:  # its sentence names train.py's option
        sys.exit(str(error).replace("dataset.root:", "--images:"))


def _write(options: Options, machine: Mapping[str, object], rows: list[Row]) -> None:
    settings = asdict(options) | {"json": str(options.json)}
    lines = [row.to_json() for row in rows]
    write_json(options.json, {"machine": machine, "options": settings, "rows": lines})
