"""python scripts/compare.py A B: is A better than B, on clean data and under each attack that both have."""

from argparse import ArgumentParser

from bregman_exp.analysis.comparison import comparison_table
from bregman_exp.analysis.frame import fitting, read_results
from bregman_exp.runs.run_folder import runs_at
from bregman_exp.terminal import in_one_sentence, print_whole


def main() -> None:
    parser = ArgumentParser(description="Two runs sample by sample, or two rows over their seeds.")
    for name in ("A", "B"):
        parser.add_argument(
            name, help="a run's folder, or a folder or 'glob' (quoted) of runs that differ only in their seed"
        )
    arguments = parser.parse_args()
    with in_one_sentence():  # no runs, several rows, other samples, damaged files
        a, b = (fitting(read_results(runs_at([place]))) for place in (arguments.A, arguments.B))
        print_whole(comparison_table(a.frame, b.frame))


if __name__ == "__main__":
    main()
