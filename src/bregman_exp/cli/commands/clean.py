"""bregman clean outputs/…: removes runs that are not complete, or older evaluations, after asking."""

import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path

from rich.filesize import decimal

from bregman_exp.analysis.formats import counted
from bregman_exp.cli.commands.arguments import Parser, add_places
from bregman_exp.runs.run_folder import RunFolder, runs_at


def parser(prog: str) -> ArgumentParser:
    own = Parser(
        prog,
        description="Removes the folders of runs that failed or were interrupted. Complete runs, and those "
        "that another process writes, stay.",
    )
    add_places(own)
    own.add_argument(
        "--evaluations",
        action="store_true",
        help="remove evaluations instead: unfinished ones, and of each suite all but the newest",
    )
    own.add_argument("--yes", action="store_true", help="do not ask")
    return own


def run(arguments: Namespace) -> None:
    runs = runs_at(arguments.places)
    folders = _older_evaluations(runs) if arguments.evaluations else [run for run in runs if not run.complete]
    folders = [folder for folder in folders if not folder.busy]
    if not folders:
        return print("there is nothing to remove.")
    several = counted(len(folders), "folder")
    sizes = [_size(folder.path) for folder in folders]
    for folder, size in zip(folders, sizes, strict=True):
        print(f"{folder.path}  {decimal(size)}")
    if not arguments.yes and not _agreed(f"remove {several}, {decimal(sum(sizes))}? [y/N] "):
        return print("nothing was removed.")
    for folder in folders:
        with folder.locked():  # RunBusyError where a process has begun to write since
            shutil.rmtree(folder.path)
    print(f"removed {several}.")


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise ValueError("nobody can be asked here; add --yes to remove these folders.")
    return input(question).strip().lower() in ("y", "yes")


def _older_evaluations(runs: Iterable[RunFolder]) -> list[RunFolder]:
    """Those that are not complete, and of each suite and weights of a run all but the newest."""
    older: list[RunFolder] = []
    for run in runs:
        newest: dict[tuple[str, str], RunFolder] = {}
        for evaluation in sorted(run.evaluations, key=_time):
            if not evaluation.complete:
                older.append(evaluation)
                continue
            weights = evaluation.read_metrics()["weights"]
            kind = evaluation.path.name.rpartition("-")[0], weights
            if kind in newest:
                older.append(newest[kind])
            newest[kind] = evaluation
    return older


def _time(folder: RunFolder) -> float:
    return (folder.metrics if folder.complete else folder.path).stat().st_mtime


def _size(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())
