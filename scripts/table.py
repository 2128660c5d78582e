"""python scripts/table.py outputs/…: the results table of whatever runs are there."""

import sys
from pathlib import Path

from rich.console import Console

from bregman_exp.results import find_runs, results_table


def main() -> None:
    places = [Path(place) for place in sys.argv[1:] or ["outputs"]]
    missing = [str(place) for place in places if not place.is_dir()]
    if missing:
        sys.exit(f"there is no folder {', '.join(missing)}; give folders that hold runs.")
    runs = find_runs(*places)
    if not runs:
        sys.exit(f"there are no runs in {', '.join(map(str, places))}; train some first.")
    Console().print(results_table(runs))


if __name__ == "__main__":
    main()
