"""python scripts/report.py outputs/… [--output FILE]: one page of tables, pictures, checks and runs."""

import shlex
import sys
from argparse import ArgumentParser
from pathlib import Path

from bregman_exp.analysis.report.page import write_report
from bregman_exp.analysis.table import add_table_words, table_options
from bregman_exp.runs.places import runs_at
from bregman_exp.terminal import in_one_sentence


def main() -> None:
    words = parser().parse_args()
    output = words.output or default_output(words.places)
    with in_one_sentence():  # no runs, no such attack or row, no place to write
        write_report(
            runs_at(words.places),
            output,
            table_options(words, split=True),
            made_by=shlex.join(["python", "scripts/report.py", *sys.argv[1:]]),
            pictures=words.pictures,
        )
    print(f"wrote {output}")


def parser() -> ArgumentParser:
    words = ArgumentParser(
        description="Writes one HTML page that needs nothing beside it: what was run and how, tables, "
        "pictures, checks, and every run.",
    )
    add_table_words(words)
    words.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="default: report.html in the folder if there is one, else outputs/report.html",
    )
    words.add_argument(
        "--no-pictures", dest="pictures", action="store_false", help="do not draw any, which takes longest"
    )
    return words


def default_output(places: list[str]) -> Path:
    return Path(places[0] if len(places) == 1 and Path(places[0]).is_dir() else "outputs") / "report.html"


if __name__ == "__main__":
    main()
