"""What may be asked of a table, and the arguments of a command line for it."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass

from bregman_exp.runs.record import Weights

NO_BASELINE, TWIN = "none", "twin"


@dataclass(frozen=True)
class Options:
    """``attacks``: starts of the ids that become columns; none given: the suite paper's PGD, else all.

    ``baseline``: a row's name or model; "twin": of each row the standard one with all else the same; "none";
    or None for the standard network of the same data; ``split``: a table for each kind of runs where they do
    not agree; ``any_version``: code versions need not agree; ``weights``: last, best, or None for those each
    run was evaluated with.
    """

    attacks: tuple[str, ...] = ()
    baseline: str | None = None
    split: bool = False
    any_version: bool = False
    weights: str | None = None


def add_table_arguments(parser: ArgumentParser) -> None:
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
    parser.add_argument(
        "--weights", choices=tuple(Weights), help="default: those each run was evaluated with"
    )


def table_options(asked: Namespace) -> Options:
    split = not getattr(asked, "one", False)
    return Options(tuple(asked.attack), asked.baseline, split, asked.any_version, asked.weights)
