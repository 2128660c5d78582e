"""python scripts/table.py outputs/… [--attack pgd]: the results table of whatever runs are there."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from bregman_exp.results import find_runs, print_whole, results_table


def main() -> None:
    parser = ArgumentParser(description="The results table of whatever runs are there.")
    parser.add_argument(
        "places", nargs="*", type=Path, default=[Path("outputs")], help="folders that hold runs"
    )
    parser.add_argument("--attack", default="", help="only the attacks whose id starts so, e.g. pgd-linf")
    words = parser.parse_args()
    missing = [str(place) for place in words.places if not place.is_dir()]
    if missing:
        sys.exit(f"there is no folder {', '.join(missing)}; give folders that hold runs.")
    runs = find_runs(*words.places)
    if not runs:
        sys.exit(f"there are no runs in {', '.join(map(str, words.places))}; train some first.")
    try:
        table = results_table(runs, words.attack)
    except ValueError as error:  # damaged metrics, no such attack
        sys.exit(str(error))
    print_whole(table)


if __name__ == "__main__":
    main()
