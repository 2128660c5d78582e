"""python scripts/compare.py A B: is A better than B, on clean data and under each attack that both have."""

from argparse import ArgumentParser

from bregman_exp.results import comparison_table, in_one_sentence, print_whole
from bregman_exp.results.places import runs_at


def main() -> None:
    parser = ArgumentParser(description="Two runs sample by sample, or two rows over their seeds.")
    for name in ("A", "B"):
        parser.add_argument(
            name, help="a run's folder, or a folder or 'glob' (quoted) of runs that differ only in their seed"
        )
    words = parser.parse_args()
    with in_one_sentence():  # no runs, not one row, other samples, damaged files
        print_whole(comparison_table(runs_at([words.A]), runs_at([words.B])))


if __name__ == "__main__":
    main()
