"""python scripts/status.py outputs/…: which runs are complete, running, interrupted, failed."""

from argparse import ArgumentParser

from bregman_exp.results import in_one_sentence, print_whole
from bregman_exp.results.places import runs_at
from bregman_exp.results.report import reported_runs, status_page


def main() -> None:
    parser = ArgumentParser(
        description="How many runs are complete, running, interrupted, failed, row by row."
    )
    parser.add_argument(
        "places", nargs="*", default=["outputs"], help="folders, or 'globs' (quoted), of runs"
    )
    words = parser.parse_args()
    with in_one_sentence():
        print_whole(status_page(reported_runs(runs_at(words.places))))


if __name__ == "__main__":
    main()
