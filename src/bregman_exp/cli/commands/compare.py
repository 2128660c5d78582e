"""bregman compare A B: is A better than B, on clean data and under each attack that both have."""

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path

from bregman_exp.analysis.comparison import comparison_table
from bregman_exp.analysis.names import Frame
from bregman_exp.analysis.report.runs import named_runs
from bregman_exp.cli.commands.arguments import Parser, read_sound_runs
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
    rows: list[Frame] = []  # of --of, read once
    sides = [_side(text, arguments.of, rows) for text in (arguments.A, arguments.B)]
    print_whole(comparison_table(*sides))


def _side(text: str, folder: str, rows: list[Frame]) -> Frame:
    """The lines of one side: of the runs in a folder, or of the row of this name."""
    if Path(text).is_dir() or any(letter in text for letter in "/*"):
        return read_sound_runs([text]).frame
    if not rows:
        rows.append(read_sound_runs([folder]).frame)
    frame, runs = rows[0], named_runs(rows[0])
    seed = SEED.search(text)
    name = SEED.sub("", text)
    meant = next((r for r in (runs["name"] == name, runs["name"].str.startswith(name)) if r.any()), None)
    if meant is None:
        names = "; ".join(runs["name"].unique())
        raise ValueError(f"there is no folder and no row {text!r}; the rows in {folder} are: {names}.")
    several = runs.loc[meant, "name"].unique()
    if len(several) > 1:
        raise ValueError(f"{text!r} may be any of {'; '.join(several)}; give one of these names.")
    if seed:
        meant &= runs["seed"] == int(seed[1])
    if not meant.any():
        raise ValueError(f"the row {several[0]} in {folder} has no seed {seed[1] if seed else ''}.")
    return frame[frame["run"].isin(runs.loc[meant, "run"])]
