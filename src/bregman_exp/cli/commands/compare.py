"""bregman compare A B: is A better than B, on clean data and under each attack that both have."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bregman_exp.analysis.comparison import comparison_table
from bregman_exp.analysis.frame import fitting, results
from bregman_exp.analysis.names import Frame, named
from bregman_exp.analysis.report.runs import named_runs
from bregman_exp.cli.commands.arguments import Parser
from bregman_exp.terminal import print_whole

SEED = re.compile(r",? seed (\d+)$")


def parser(prog: str) -> ArgumentParser:
    own = Parser(prog, description="Two runs sample by sample, or two rows over their seeds.")
    for name in ("A", "B"):
        own.add_argument(
            name,
            help="a run's folder; a folder or 'glob' (quoted) of runs that differ only in their seed; or a "
            "row as the table names it, 'mlp (atan), depth 3, random start', also with 'seed 0' behind it",
        )
    own.add_argument("--of", default="outputs", metavar="FOLDER", help="where rows are looked for")
    return own


def run(arguments: Namespace) -> None:
    read = cache(lambda place: fitting(results(place)))
    print_whole(comparison_table(*(_side(text, arguments.of, read) for text in (arguments.A, arguments.B))))


def _side(text: str, folder: str, read: Callable[[str], Frame]) -> Frame:
    """The lines of one side: of the runs in a folder, or of the row of this name."""
    if Path(text).is_dir() or any(letter in text for letter in "/*"):
        return read(text)
    frame, runs = read(folder), named_runs(read(folder))
    seed, row = SEED.search(text), named(runs.drop_duplicates("name"), SEED.sub("", text))
    if row.empty:
        names = "; ".join(runs["name"].unique())
        raise ValueError(f"there is no folder and no row {text!r}; the rows in {folder} are: {names}.")
    name = row["name"].iloc[0]
    meant = runs[(runs["name"] == name) & (runs["seed"] == int(seed[1]) if seed else True)]
    if meant.empty:
        raise ValueError(f"the row {name} in {folder} has no seed {seed[1] if seed else ''}.")
    return frame[frame["run"].isin(meant["run"])]
