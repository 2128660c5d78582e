"""What the commands on runs share: their parser, the runs that are meant, files that are written."""

import sys
from argparse import ArgumentParser, Namespace
from importlib.metadata import entry_points
from pathlib import Path

from bregman_exp.analysis.table import Options
from bregman_exp.runs.atomic import write_text
from bregman_exp.runs.record import Weights


class Parser(ArgumentParser):
    """Reports an error as the other commands do: one sentence, exit code 1."""

    def error(self, message: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        sys.exit(f"{message}; --help lists the options.")


def add_places(parser: ArgumentParser) -> None:
    parser.add_argument(
        "places", nargs="*", default=["outputs"], help="folders, or 'globs' (quoted), of runs"
    )


def add_table_arguments(parser: ArgumentParser) -> None:
    add_places(parser)
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
    must_agree = getattr(asked, "one", False)
    return Options(tuple(asked.attack), asked.baseline, must_agree, asked.any_version, asked.weights)


def add_plugins(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--plugins",
        nargs="+",
        default=[],
        metavar="MODULE",
        help="your own modules with the maps, models or data sets of these runs",
    )


def load_plugins(modules: list[str]) -> None:
    """The modules, and the installed plug-ins; PluginError where one cannot be imported."""
    if modules or entry_points(group="bregman_exp.plugins"):
        from bregman_exp import plugins  # loads torch, which takes seconds

        plugins.load(modules)


def write_or_print(text: str, output: Path | None) -> None:
    if output is None:
        return print(text, end="")
    write_text(output, text)
    print(f"wrote {output}", file=sys.stderr)
