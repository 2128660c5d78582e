"""python scripts/table.py outputs/… [--attack pgd] [--format latex] [--output FILE]: the results table."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from bregman_exp.analysis.frame import fitting, read_results, write_parquet
from bregman_exp.analysis.table import (
    FORMATS,
    Options,
    add_table_arguments,
    as_csv,
    format_of,
    on_terminal,
    render,
    table_options,
    tables_of,
)
from bregman_exp.analysis.table.options import NO_BASELINE
from bregman_exp.runs.atomic import write_text
from bregman_exp.runs.run_folder import runs_at
from bregman_exp.terminal import in_one_sentence, print_whole


class Parser(ArgumentParser):
    """Reports an error as the other commands do: one sentence, exit code 1."""

    def error(self, message: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        sys.exit(f"{message}; --help lists the options.")


def main() -> None:
    arguments = build_parser().parse_args()
    with in_one_sentence():  # runs that do not agree, damaged files, unknown row
        format_ = arguments.format or format_of(arguments.output)
        options = table_options(arguments, split=arguments.split)
        if format_ in ("csv", "parquet") and options not in (Options(), Options(baseline=NO_BASELINE)):
            raise ValueError(
                f"--format {format_} has every figure of every run, so --attack, --baseline, --weights, "
                "--split and --any-version do not apply; leave them out, or use --format cells."
            )
        frame = fitting(read_results(runs_at(arguments.places))).frame
        if format_ == "parquet":
            write_parquet(frame, arguments.output)
        elif format_ == "csv":
            write(as_csv(frame.drop(columns="config")), arguments.output)
        elif format_ == "terminal" and not arguments.output:
            print_whole(on_terminal(tables_of(frame, options)))
        else:
            write(render(tables_of(frame, options), format_), arguments.output)
        if arguments.output:
            print(f"wrote {arguments.output}", file=sys.stderr)


def write(text: str, output: Path | None) -> None:
    if output:
        write_text(output, text)
    else:
        print(text, end="")


def build_parser() -> ArgumentParser:
    parser = Parser(
        description="Rows × (test accuracy, ℓ∞-robust, ℓ2-robust), mean ± standard deviation over seeds, "
        "beside the published figures and the difference to a baseline.",
        epilog="Runs of other data, ε, attacks, samples, epochs or code versions are not mixed. csv and "
        "parquet hold what the table is computed from: a line for each figure of each run.",
    )
    add_table_arguments(parser)
    parser.add_argument("--split", action="store_true", help="one table for each group of runs that agree")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="default: by the ending of --output, else terminal; cells: the table's cells as CSV; "
        "csv, parquet: a line for each figure of each run",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead of printing")
    return parser


if __name__ == "__main__":
    main()
