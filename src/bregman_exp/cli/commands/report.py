"""bregman report outputs/… [--output FILE]: one page of tables, pictures, checks and runs."""

import shlex
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from bregman_exp.analysis.report.page import write_report
from bregman_exp.cli.commands.arguments import (
    Parser,
    add_plugins,
    add_table_arguments,
    load_plugins,
    table_options,
)
from bregman_exp.runs.run_folder import runs_at
from bregman_exp.terminal import command


def parser(prog: str) -> ArgumentParser:
    own = Parser(
        prog,
        description="Writes one self-contained HTML page: what was run and how, tables, pictures, checks, "
        "and every run.",
    )
    add_table_arguments(own)
    own.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="default: report.html in the folder if there is one, else outputs/report.html",
    )
    own.add_argument(
        "--no-pictures", dest="pictures", action="store_false", help="draw no pictures, which take longest"
    )
    add_plugins(own)
    return own


def run(arguments: Namespace) -> None:
    output = arguments.output or folder_of(arguments.places) / "report.html"
    if arguments.pictures:
        load_plugins(arguments.plugins)
    write_report(
        runs_at(arguments.places),
        output,
        table_options(arguments),
        made_by=shlex.join([*command("report"), *sys.argv[1:]]),
        pictures=arguments.pictures,
    )
    print(f"wrote {output}")


def folder_of(places: list[str]) -> Path:
    """The folder that the runs are in, where it is one, else outputs."""
    return Path(places[0] if len(places) == 1 and Path(places[0]).is_dir() else "outputs")
