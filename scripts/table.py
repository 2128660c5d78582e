"""python scripts/table.py outputs/… [--attack pgd] [--format latex] [--output FILE]: the results table."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from bregman_exp.results import in_one_sentence, print_whole
from bregman_exp.results.atomic import write_text
from bregman_exp.results.places import runs_at
from bregman_exp.results.soundness import ConfigFault, fitting, made_when_asked
from bregman_exp.results.table import (
    FORMATS,
    add_table_words,
    format_of,
    on_terminal,
    table_options,
    tables_of,
    written,
)


class Parser(ArgumentParser):
    """Tells a mistake as the other doors do: one sentence, exit code 1."""

    def error(self, message: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        sys.exit(f"{message}; --help lists the words.")


def main() -> None:
    words = parser().parse_args()
    with in_one_sentence():  # runs that do not agree, damaged files, no such row
        runs = fitting(runs_at(words.places), made_when_asked(config_faults))
        tables = tables_of(runs, table_options(words, split=words.split))
        format_ = words.format or format_of(words.output)
        if words.output:
            write_text(words.output, written(tables, format_))
            return print(f"wrote {words.output}", file=sys.stderr)
    if format_ == "terminal":
        return print_whole(on_terminal(tables))
    print(written(tables, format_), end="")


def config_faults() -> ConfigFault:
    from bregman_exp.cli.sound import ConfigFaults  # takes seconds, and few runs need it

    return ConfigFaults()


def parser() -> ArgumentParser:
    words = Parser(
        description="Rows × (test accuracy, ℓ∞-robust, ℓ2-robust), mean ± standard deviation over seeds, "
        "beside the published figures and the difference to a baseline.",
        epilog="Runs of other data, ε, attacks, samples, epochs or code versions are not mixed.",
    )
    add_table_words(words)
    words.add_argument("--split", action="store_true", help="a table for each kind of runs that do not agree")
    words.add_argument("--format", choices=FORMATS, help="default: by the ending of --output, else terminal")
    words.add_argument("--output", type=Path, metavar="FILE", help="write there instead of printing")
    return words


if __name__ == "__main__":
    main()
