"""python scripts/compare.py A B: is A better than B, on clean data and under each attack that both have."""

import sys
from argparse import ArgumentParser
from glob import glob
from pathlib import Path

from bregman_exp.results import RunFolder, comparison_table, find_runs, print_whole


def main() -> None:
    parser = ArgumentParser(description="Two runs sample by sample, or two rows over their seeds.")
    for name in ("A", "B"):
        parser.add_argument(
            name, help="a run's folder, or a folder or 'glob' (quoted) of runs that differ only in their seed"
        )
    words = parser.parse_args()
    try:
        table = comparison_table(runs_at(words.A), runs_at(words.B))
    except ValueError as error:  # not one row, other samples, damaged files
        sys.exit(str(error))
    print_whole(table)


def runs_at(word: str) -> list[RunFolder]:
    """The runs at or below a folder, or below what a glob names; a folder of this very name comes first."""
    places = [word] if Path(word).is_dir() else glob(word)
    runs = find_runs(*map(Path, places))
    if not runs:
        sys.exit(f"there are no runs at {word}; give a folder seed-…, or a folder or glob of such.")
    return runs


if __name__ == "__main__":
    main()
