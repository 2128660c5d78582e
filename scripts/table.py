"""python scripts/table.py outputs/… [--attack pgd] [--format latex] [--output FILE]: the results table."""

import sys
from argparse import ArgumentParser
from glob import glob
from pathlib import Path

from bregman_exp.results import RunFolder, find_runs, print_whole
from bregman_exp.results.atomic import write_text
from bregman_exp.results.table import FORMATS, WEIGHTS, Options, format_of, on_terminal, tables_of, written


class Parser(ArgumentParser):
    """Tells a mistake as the other doors do: one sentence, exit code 1."""

    def error(self, message: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        sys.exit(f"{message}; --help lists the words.")


def main() -> None:
    words = parser().parse_args()
    runs = [run for place in words.places for run in runs_at(place)]
    try:
        tables = tables_of(
            runs,
            Options(tuple(words.attack), words.baseline, words.split, words.any_version, words.weights),
        )
        format_ = words.format or format_of(words.output)
        if words.output:
            write_text(words.output, written(tables, format_))
            return print(f"wrote {words.output}", file=sys.stderr)
    except (ValueError, OSError) as error:  # runs that do not agree, damaged files, no such row
        sys.exit(str(error))
    if format_ == "terminal":
        return print_whole(on_terminal(tables))
    print(written(tables, format_), end="")


def parser() -> ArgumentParser:
    words = Parser(
        description="Rows × (test accuracy, ℓ∞-robust, ℓ2-robust), mean ± standard deviation over seeds, "
        "beside the published figures and the difference to a baseline.",
        epilog="Runs of other data, ε, attacks, samples, epochs or code versions are not mixed.",
    )
    words.add_argument("places", nargs="*", default=["outputs"], help="folders, or 'globs' (quoted), of runs")
    words.add_argument(
        "--attack",
        action="append",
        default=[],
        metavar="START",
        help="the attacks whose id starts so, e.g. pgd-linf ('' for all); may be given several times; "
        "default: the PGD of the suite paper, else all",
    )
    words.add_argument(
        "--baseline",
        metavar="ROW",
        help="the row that others are compared with (name or model), or none; default: the standard network",
    )
    words.add_argument("--split", action="store_true", help="a table for each kind of runs that do not agree")
    words.add_argument("--any-version", action="store_true", help="code versions need not agree")
    words.add_argument("--weights", choices=WEIGHTS, help="default: those each run was evaluated with")
    words.add_argument("--format", choices=FORMATS, help="default: by the ending of --output, else terminal")
    words.add_argument("--output", type=Path, metavar="FILE", help="write there instead of printing")
    return words


def runs_at(word: str) -> list[RunFolder]:
    """The runs at or below a folder, or below what a glob names; a folder of this very name comes first."""
    places = (
        [word] if Path(word).is_dir() else [place for place in sorted(glob(word)) if Path(place).is_dir()]
    )
    if not places:
        sys.exit(f"there is no folder {word}; give folders that hold runs.")
    runs = find_runs(*map(Path, places))
    if not runs:
        sys.exit(f"there are no runs in {word}; train some first.")
    return runs


if __name__ == "__main__":
    main()
