"""bregman table outputs/… [--attack pgd] [--format latex] [--output FILE]: the results table."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from bregman_exp.analysis.frame import fitting, results, write_parquet
from bregman_exp.analysis.table import FORMATS, Options, as_csv, format_of, on_terminal, render, tables_of
from bregman_exp.analysis.table.options import NO_BASELINE
from bregman_exp.cli.commands.arguments import (
    Parser,
    add_table_arguments,
    table_options,
    write_or_print,
)
from bregman_exp.terminal import print_whole


def parser(prog: str) -> ArgumentParser:
    own = Parser(
        prog,
        description="Rows × (test accuracy, ℓ∞-robust, ℓ2-robust), mean ± standard deviation over seeds, "
        "beside the published figures and the difference to a baseline.",
        epilog="Runs of other data, ε, attacks, samples, epochs or code versions get a table each. csv and "
        "parquet hold what the tables are computed from: a line for each figure of each run.",
    )
    add_table_arguments(own)
    own.add_argument("--one", action="store_true", help="refuse runs that do not share one table")
    own.add_argument(
        "--format",
        choices=FORMATS,
        help="default: by the ending of --output, else terminal; cells: the table's cells as CSV; "
        "csv, parquet: a line for each figure of each run",
    )
    own.add_argument("--output", type=Path, metavar="FILE", help="write there instead of printing")
    return own


def run(arguments: Namespace) -> None:
    format_, output = arguments.format or format_of(arguments.output), arguments.output
    options = table_options(arguments)
    if format_ in ("csv", "parquet") and options not in (Options(), Options(baseline=NO_BASELINE)):
        raise ValueError(
            f"--format {format_} has every figure of every run, so --attack, --baseline, --weights, "
            "--any-version and --one do not apply; leave them out, or use --format cells."
        )
    frame = fitting(results(*arguments.places))
    if format_ == "parquet":
        write_parquet(frame, output)
        return print(f"wrote {output}", file=sys.stderr)
    if format_ == "csv":
        return write_or_print(as_csv(frame.drop(columns="config")), output)
    tables, reason = tables_of(frame, options)
    if reason:
        print(reason, file=sys.stderr)
    if format_ == "terminal" and output is None:
        return print_whole(on_terminal(tables))
    write_or_print(render(tables, format_), output)
