"""python scripts/report.py outputs/… [--output FILE]: one page of tables, pictures, checks and runs."""

import shlex
import sys
from argparse import ArgumentParser
from pathlib import Path

from bregman_exp.analysis.report.page import write_report
from bregman_exp.analysis.table import add_table_arguments, table_options
from bregman_exp.runs.run_folder import runs_at
from bregman_exp.terminal import in_one_sentence


def main() -> None:
    arguments = build_parser().parse_args()
    output = arguments.output or default_output(arguments.places)
    with in_one_sentence():  # no runs, unknown attack or row, file that cannot be written
        write_report(
            runs_at(arguments.places),
            output,
            table_options(arguments, split=True),
            made_by=shlex.join(["python", "scripts/report.py", *sys.argv[1:]]),
            pictures=arguments.pictures,
        )
    print(f"wrote {output}")


def build_parser() -> ArgumentParser:
    parser = ArgumentParser(
        description="Writes one self-contained HTML page: what was run and how, tables, pictures, checks, "
        "and every run.",
    )
    add_table_arguments(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="default: report.html in the folder if there is one, else outputs/report.html",
    )
    parser.add_argument(
        "--no-pictures", dest="pictures", action="store_false", help="draw no pictures, which take longest"
    )
    return parser


def default_output(places: list[str]) -> Path:
    return Path(places[0] if len(places) == 1 and Path(places[0]).is_dir() else "outputs") / "report.html"


if __name__ == "__main__":
    main()
