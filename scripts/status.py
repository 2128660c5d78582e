"""python scripts/status.py outputs/…: which runs are complete, running, interrupted, failed."""

import sys
from argparse import ArgumentParser

from bregman_exp.results import print_whole
from bregman_exp.results.places import runs_at
from bregman_exp.results.report import reported_runs, status_page


def main() -> None:
    parser = ArgumentParser(
        description="How many runs are complete, running, interrupted, failed, row by row."
    )
    parser.add_argument(
        "places", nargs="*", default=["outputs"], help="folders, or 'globs' (quoted), of runs"
    )
    try:
        runs = reported_runs(runs_at(parser.parse_args().places))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print_whole(status_page(runs))


if __name__ == "__main__":
    main()
