"""python scripts/status.py outputs/…: which runs are complete, running, interrupted, failed."""

from argparse import ArgumentParser

from bregman_exp.analysis.frame import read_results
from bregman_exp.analysis.report.status import status_page
from bregman_exp.runs.run_folder import runs_at
from bregman_exp.terminal import in_one_sentence, print_whole


def main() -> None:
    parser = ArgumentParser(
        description="How many runs are complete, running, interrupted, failed, row by row."
    )
    parser.add_argument(
        "places", nargs="*", default=["outputs"], help="folders, or 'globs' (quoted), of runs"
    )
    arguments = parser.parse_args()
    with in_one_sentence():
        print_whole(status_page(read_results(runs_at(arguments.places))))


if __name__ == "__main__":
    main()
