"""The words of a command line that say which table is meant."""

from argparse import ArgumentParser, Namespace

from bregman_exp.results.table.options import WEIGHTS, Options


def add_table_words(parser: ArgumentParser) -> None:
    parser.add_argument(
        "places", nargs="*", default=["outputs"], help="folders, or 'globs' (quoted), of runs"
    )
    parser.add_argument(
        "--attack",
        action="append",
        default=[],
        metavar="START",
        help="the attacks whose id starts so, e.g. pgd-linf ('' for all); may be given several times; "
        "default: the PGD of the suite paper, else all",
    )
    parser.add_argument(
        "--baseline",
        metavar="ROW",
        help="the row that others are compared with (name or model); twin: each with the standard row that "
        "has all else the same; none; default: the most accurate standard row",
    )
    parser.add_argument("--any-version", action="store_true", help="code versions need not agree")
    parser.add_argument("--weights", choices=WEIGHTS, help="default: those each run was evaluated with")


def table_options(words: Namespace, *, split: bool) -> Options:
    return Options(tuple(words.attack), words.baseline, split, words.any_version, words.weights)
